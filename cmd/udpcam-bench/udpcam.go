package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
)

// udpcamFlags say which udpcam is measured.
func udpcamFlags() []cli.Flag {
	return benchFlags("What is measured", &cli.StringFlag{Name: "udpcam", Usage: "the udpcam to measure (`FILE`)", TakesFile: true,
		DefaultText: "the one beside this program, else the one in PATH, else one built from the source"})
}

var errNoUdpcam = errors.New("there is no udpcam beside this program or in PATH")

// findUdpcam finds the udpcam that is to be measured, or builds it, and notes its version in the results. The caller calls
// remove when it is done.
func findUdpcam(c *cli.Context, results *bench.Results) (path string, remove func(), err error) {
	remove = func() {}
	if given := c.String("udpcam"); given != "" {
		if path, err = exec.LookPath(given); err != nil {
			return "", nil, cmdline.Usagef("--udpcam: %w", err)
		}
	} else if path, err = lookAround(); err != nil {
		fmt.Fprintln(c.App.ErrWriter, "building udpcam, which is neither beside this program nor in PATH")
		dir, failed := os.MkdirTemp("", "udpcam-bench-")
		if failed != nil {
			return "", nil, failed
		}
		remove = func() { os.RemoveAll(dir) }
		path, err = buildUdpcam(c.Context, dir)
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil {
		results.Made.Udpcam, err = versionOf(c.Context, path)
	}
	if err != nil {
		remove()
	}
	return path, remove, err
}

// lookAround looks for udpcam beside this program and in PATH.
func lookAround() (path string, err error) {
	if self, err := os.Executable(); err == nil {
		if path, err = exec.LookPath(filepath.Join(filepath.Dir(self), "udpcam")); err == nil {
			return path, nil
		}
	}
	return exec.LookPath("udpcam")
}

// buildUdpcam builds udpcam into a folder. That needs Go and the source that this program was built from.
func buildUdpcam(ctx context.Context, dir string) (path string, err error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", fmt.Errorf("%w: give one with --udpcam", errNoUdpcam)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), info.Main.Path+"/cmd/udpcam")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if _, err := output(cmd); err != nil {
		return "", fmt.Errorf("%w, and it cannot be built here: give one with --udpcam, or run make build in its source (%w)", errNoUdpcam, err)
	}
	return exec.LookPath(filepath.Join(dir, "udpcam"))
}

// output runs a command. Its error has what the command said.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return text, err
}

// versionOf asks a udpcam for its version.
func versionOf(ctx context.Context, path string) (string, error) {
	out, err := output(exec.CommandContext(ctx, path, "--version"))
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	version, ok := strings.CutPrefix(out, "udpcam version ")
	if !ok {
		return "", cmdline.Usagef("%s is no udpcam: give one with --udpcam", path)
	}
	return version, nil
}
