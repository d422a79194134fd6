package v4l2

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Paths lists the nodes of video devices in the order of their numbers, cameras and others.
func Paths() []string {
	if !Supported {
		return nil
	}
	paths, _ := filepath.Glob("/dev/video[0-9]*") // the pattern is well-formed
	number := func(path string) int { n, _ := strconv.Atoi(strings.TrimPrefix(path, "/dev/video")); return n }
	slices.SortFunc(paths, func(a, b string) int { return number(a) - number(b) })
	return paths
}

// Links lists the other names of a node: those by which udev finds the same camera again, wherever its number.
func Links(path string) (links []string) {
	names, _ := filepath.Glob("/dev/v4l/by-*/*")
	for _, name := range names {
		if target, err := filepath.EvalSymlinks(name); err == nil && target == path {
			links = append(links, name)
		}
	}
	return links
}

// User says which other program has a device open, as far as may be seen: "ffmpeg (process 123)", or "".
func User(path string) string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	open, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range open {
		if file, err := os.Readlink(fd); err != nil || file != target {
			continue
		}
		process := strings.Split(fd, "/")[2]
		if process == strconv.Itoa(os.Getpid()) {
			continue
		}
		name, _ := os.ReadFile("/proc/" + process + "/comm")
		return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), process)
	}
	return ""
}
