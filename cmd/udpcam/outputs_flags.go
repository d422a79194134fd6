package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/receiver/sink"
)

// Flags that need another one.
var (
	httpOnly = []string{"qr", "html", "allow-host", "allow-origin", "trust-proxy", "auth", "token", "tls-cert", "tls-key",
		"max-viewers", "datagrams"}
	outOnly = []string{"stream", "force", "new-file", "keep", "keep-free", "record-as", "snapshot-every",
		"camera-as"}
)

// checkHTTP checks that flags for --http come with it.
func checkHTTP(c *cli.Context) error {
	if i := slices.IndexFunc(httpOnly, c.IsSet); i >= 0 && c.String("http") == "" {
		return cmdline.Usagef("--%s is for --http: give an address to serve on too, such as --http :8080", httpOnly[i])
	}
	return nil
}

// checkOutputs checks that the flags for outputs go together.
func checkOutputs(c *cli.Context) error {
	names := cmdline.List(c, "out")
	for i, name := range names {
		same := func(other string) bool { return filepath.Clean(other) == filepath.Clean(name) }
		if slices.ContainsFunc(names[:i], same) {
			return cmdline.Usagef("--out %s is given twice", name)
		}
	}
	terminal := c.Bool("term")
	switch {
	case terminal && c.Bool("json"):
		return cmdline.Usagef("--term and --json contradict: both write to standard output")
	case terminal && slices.Contains(names, "-"):
		return cmdline.Usagef("--term and --out - contradict: both write to standard output")
	}
	if err := checkHTTP(c); err != nil {
		return err
	}
	for _, flag := range outOnly {
		if len(names) == 0 && c.IsSet(flag) && !(flag == "stream" && terminal) {
			return cmdline.Usagef("--%s is for --out: name a file too, such as --out frames.mjpg", flag)
		}
	}

	hasSnapshots := func(name string) bool { return isPicture(name) || isDirectory(name) }
	switch {
	case c.IsSet("record-as") && !slices.ContainsFunc(names, isDirectory):
		return cmdline.Usagef("--record-as is for a directory: of a file, the name tells the format, such as film.mkv")
	case c.IsSet("new-file") && !slices.ContainsFunc(names, isRecording):
		return cmdline.Usagef("--new-file is for recordings, such as --out film.mkv")
	case c.IsSet("keep") && !slices.ContainsFunc(names, isRecording):
		return cmdline.Usagef("--keep is for recordings, such as --out film.mkv")
	case c.IsSet("keep-free") && !slices.ContainsFunc(names, isRecording):
		return cmdline.Usagef("--keep-free is for recordings, such as --out film.mkv")
	case c.IsSet("snapshot-every") && !slices.ContainsFunc(names, hasSnapshots):
		return cmdline.Usagef("--snapshot-every is for pictures: give --out pic.jpg, or a directory")
	case c.IsSet("camera-as") && !slices.ContainsFunc(names, sink.IsCamera):
		return cmdline.Usagef("--camera-as is for a camera of other programs, such as --out v4l2:/dev/video9")
	}
	return nil
}

func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return strings.HasSuffix(name, "/") || err == nil && info.IsDir()
}

func isPicture(name string) bool {
	return strings.HasPrefix(strings.ToLower(filepath.Ext(name)), ".jp")
}

func isRecording(name string) bool {
	return name != "-" && !sink.IsCamera(name) && (!isPicture(name) || isDirectory(name))
}

// sinkOptions returns what the flags say about writing files.
func sinkOptions(c *cli.Context) (o sink.Options, err error) {
	o.Overwrite, o.SnapshotEvery, o.MaxPixels = c.Bool("force"), c.Duration("snapshot-every"), c.Int("max-pixels")
	switch format := c.String("record-as"); format {
	case "", "mjpg":
	case "mkv":
		o.Matroska = true
	default:
		return o, cmdline.Usagef("--record-as %q: choose mjpg or mkv", format)
	}
	switch format := c.String("camera-as"); format {
	case "", "yuyv":
	case "mjpg":
		o.CameraMJPEG = true
	default:
		return o, cmdline.Usagef("--camera-as %q: choose yuyv or mjpg", format)
	}
	for _, text := range cmdline.List(c, "new-file") {
		if every, err := time.ParseDuration(text); err == nil && every >= time.Second {
			o.Rotate.Every = every
		} else if size, ok := parseBytes(text); ok {
			o.Rotate.Size = size
		} else {
			return o, cmdline.Usagef("--new-file %q: give a time from 1s up, such as 10m, or a size, such as 500MB", text)
		}
	}
	for _, text := range cmdline.List(c, "keep") {
		if age, ok := parseAge(text); ok && age >= time.Second {
			o.Keep.For = age
		} else if size, ok := parseBytes(text); ok {
			o.Keep.Size = size
		} else {
			return o, cmdline.Usagef("--keep %q: give a time, such as 7d or 12h, or a size, such as 50GB", text)
		}
	}
	if text := c.String("keep-free"); text != "" {
		var ok bool
		if o.Keep.Free, ok = parseBytes(text); !ok {
			return o, cmdline.Usagef("--keep-free %q: give a size, such as 2GB", text)
		}
	}
	return o, nil
}

// parseAge reads a time, which may be in days.
func parseAge(text string) (age time.Duration, ok bool) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.ParseFloat(number, 64)
		return time.Duration(days * 24 * float64(time.Hour)), err == nil && days > 0 && days < 100_000
	}
	age, err := time.ParseDuration(text)
	return age, err == nil
}

// parseBytes reads a number with a unit: kB, MB, GB or TB.
func parseBytes(text string) (n int64, ok bool) {
	scale := 1.
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		scale *= 1000
		if number, ok := strings.CutSuffix(text, unit); ok {
			x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return int64(x * scale), err == nil && x > 0 && x*scale < 1<<62
		}
	}
	return 0, false
}
