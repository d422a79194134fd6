package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/receiver/sink"
)

func mendCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "mend",
		Usage:     "give films that were cut off their duration, and let players seek in them",
		UsageText: "udpcam mend FILM.mkv|DIR...",
		ArgsUsage: "FILM.mkv|DIR...",
		Description: cmdline.Examples(
			"udpcam mend film.mkv", "after kill -9 or a power cut",
			"udpcam mend rec/", "every film in a directory",
		) + "\nrecv mends the films beside those that it records.\n",
		Action: mend,
	})
}

func mend(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return cmdline.Usagef("which film? name one or more, or a directory: udpcam mend film.mkv")
	}
	var failed error
	for _, name := range c.Args().Slice() {
		info, err := os.Stat(name)
		if err == nil && info.IsDir() {
			err = mendAll(c, name)
		} else if err == nil {
			err = mendOne(c, name)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// mendAll mends the films in a directory. It passes over those of other programs, and those that are being recorded.
func mendAll(c *cli.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !strings.EqualFold(filepath.Ext(entry.Name()), ".mkv") {
			continue
		}
		one := mendOne(c, filepath.Join(dir, entry.Name()))
		if errors.Is(one, sink.ErrForeign) || errors.Is(one, sink.ErrRecording) {
			fmt.Fprintf(c.App.Writer, "%v: left as it is\n", one)
			continue
		}
		err = errors.Join(err, one)
	}
	return err
}

func mendOne(c *cli.Context, name string) error {
	mended, err := sink.Mend(name)
	var path *os.PathError
	switch {
	case errors.As(err, &path):
		return err // it has the name
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case mended.Whole:
		fmt.Fprintf(c.App.Writer, "%s: is whole, nothing to mend\n", name)
	default:
		cut := ""
		if mended.Cut > 0 {
			cut = fmt.Sprintf(", without %d bytes of what was not finished", mended.Cut)
		}
		fmt.Fprintf(c.App.Writer, "%s: mended, %v long%s\n", name, mended.Duration.Round(time.Millisecond), cut)
	}
	return nil
}
