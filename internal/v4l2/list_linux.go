//go:build 386 || amd64 || arm || arm64 || loong64 || riscv64

package v4l2

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Supported reports whether this system has Video4Linux2.
const Supported = true

// Paths lists the nodes of video devices in the order of their numbers, cameras and others.
func Paths() []string {
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

// Group is the name of the group that may open a device, "" if it cannot be told.
func Group(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return ""
	}
	group, err := user.LookupGroupId(strconv.FormatUint(uint64(st.Gid), 10))
	if err != nil {
		return ""
	}
	return group.Name
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
