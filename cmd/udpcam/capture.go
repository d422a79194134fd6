package main

import (
	"cmp"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender/source"
)

// openSource opens the source that the flags name, or the usual one, and returns its name too. Skip is called with the
// reason whenever the source leaves something out; pressure, which may be nil, is the source's to ask; more may change
// what else the source is told.
func openSource(c *cli.Context, usual string, log *slog.Logger, skip func(string), pressure func() float64,
	more ...func(*source.Options)) (string, source.Source, error) {

	name := cmp.Or(c.String("source"), usual)
	if name == "" {
		return "", nil, cmdline.Usagef("this udpcam is built without OpenCV, and so has no cameras on this system: " +
			"name another source, such as --source test:")
	}
	size, err := cmdline.ParseSize(c.String("size"))
	if err != nil {
		return "", nil, err
	}
	options := source.Options{
		FPS:      c.Float64("fps"),
		Loop:     c.Bool("loop"),
		Size:     size,
		Quality:  c.Int("quality"),
		Format:   c.String("format"),
		Controls: cmdline.List(c, "control"),
		Rotate:   c.Int("rotate"),
		Text:     c.String("text"),
		DropSame: c.Int("drop-same"),
		Pressure: pressure,
		Skip:     skip,
		Log:      log,
	}
	for _, change := range more {
		change(&options)
	}
	src, err := source.Open(name, options)
	for _, mistake := range []error{source.ErrUnknown, source.ErrName, source.ErrOption, source.ErrNoOpenCV} {
		if errors.Is(err, mistake) {
			return "", nil, cmdline.Usagef("%w", err)
		}
	}
	return name, src, err
}

// streamName is what a stream is called unless it is told a name: after this host, with a word for the source if that
// is not the default camera, so that two senders on one host differ.
func streamName(source string) string {
	host, _ := os.Hostname() // without one the word has to do
	host, _, _ = strings.Cut(host, ".")
	name := strings.Trim(host+"-"+sourceWord(source), "-")
	return protocol.CleanName(name)
}

// sourceWord is a short word for a source: its scheme, its camera's host or device, or its file's name without the
// extension.
func sourceWord(name string) string {
	scheme, rest, hasScheme := strings.Cut(name, ":")
	switch {
	case name == source.Default() || name == "":
		return ""
	case name == "-":
		return "stdin"
	case scheme == "v4l2":
		return cmp.Or(strings.Trim(filepath.Base(rest), "./"), scheme)
	case strings.Contains(rest, "//") && strings.HasPrefix(scheme, "http"):
		if u, err := url.Parse(name); err == nil {
			return u.Hostname()
		}
		return scheme
	case hasScheme && len(scheme) > 1 && (scheme != "opencv" || strings.Contains(rest, "/")):
		return scheme
	}
	word := filepath.Base(name)
	word = strings.TrimSuffix(word, filepath.Ext(word))
	word = strings.Trim(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' {
			return r
		}
		return '-'
	}, word), "-.")
	return cmp.Or(word, "files")
}
