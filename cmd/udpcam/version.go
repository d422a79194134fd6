package main

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/sender/source"
)

// release is the version that a release is built with: go build -ldflags "-X main.release=v1.2.3".
var release string

func versionCommand() *cli.Command {
	return command(&cli.Command{
		Name:        "version",
		Usage:       "print the version, and what is built in",
		UsageText:   "udpcam version",
		Description: cmdline.Examples("udpcam version", "to put into a bug report"),
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprintf(c.App.Writer, "udpcam %s\n%s %s/%s\n%s\n",
				version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, cmp.Or(source.OpenCVVersion(), "OpenCV not built in"))
			return err
		},
	})
}

// version is the release, or else what the go command knows of the code.
func version() string { return cmdline.Version(release) }
