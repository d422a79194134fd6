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

// A udpcam is the command that is measured, for the benches that start it.
type udpcam struct {
	path  string // absolute
	built string // the folder that it was built into; "" if it was there already
}

// udpcamFlags say which udpcam is measured.
func udpcamFlags() []cli.Flag {
	return benchFlags("What is measured", &cli.StringFlag{Name: "udpcam", Usage: "the udpcam (`FILE`)", TakesFile: true,
		DefaultText: "the one beside this program, else in PATH, else built from the source around"})
}

// findUdpcam finds the udpcam that is to be measured, or builds it, and notes its version in the report. The caller calls
// its remove when it is done.
func findUdpcam(c *cli.Context, report *bench.Report) (u *udpcam, err error) {
	u = &udpcam{}
	if err = u.look(c.String("udpcam")); errors.Is(err, errNoUdpcam) {
		fmt.Fprintln(c.App.ErrWriter, "building udpcam, which is neither beside this program nor in PATH")
		err = u.build(c.Context)
	}
	if err == nil {
		report.Made.Udpcam, err = versionOf(c.Context, u.path)
	}
	if err != nil {
		u.remove()
		return nil, err
	}
	return u, nil
}

var errNoUdpcam = errors.New("there is no udpcam beside this program or in PATH")

// look looks for udpcam where it may be: where the flag says, or else in the usual places.
func (u *udpcam) look(given string) (err error) {
	if given != "" {
		if u.path, err = exec.LookPath(given); err != nil {
			return cmdline.Usagef("--udpcam: %w", err)
		}
	} else if u.path, err = exec.LookPath(beside("udpcam")); err != nil {
		if u.path, err = exec.LookPath("udpcam"); err != nil {
			return errNoUdpcam
		}
	}
	u.path, err = filepath.Abs(u.path)
	return err
}

// beside is a program in the folder of this one.
func beside(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}

// build builds udpcam, which needs Go and the source that this program was built from.
func (u *udpcam) build(ctx context.Context) (err error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return fmt.Errorf("%w: give one with --udpcam", errNoUdpcam)
	}
	if u.built, err = os.MkdirTemp("", "udpcam-bench-"); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", u.built+string(filepath.Separator), info.Main.Path+"/cmd/udpcam")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w, and it cannot be built here: give one with --udpcam, or run make build in its source (%w)", errNoUdpcam,
			withOutput(err, out))
	}
	u.path, err = exec.LookPath(filepath.Join(u.built, "udpcam"))
	return err
}

// withOutput is an error and what the program said that failed.
func withOutput(err error, out []byte) error {
	if text := strings.TrimSpace(string(out)); text != "" {
		return fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// versionOf asks a udpcam for its version.
func versionOf(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, withOutput(err, out))
	}
	version, ok := strings.CutPrefix(strings.TrimSpace(string(out)), "udpcam version ")
	if !ok {
		return "", cmdline.Usagef("%s is no udpcam: give one with --udpcam", path)
	}
	return version, nil
}

// remove removes what was built.
func (u *udpcam) remove() {
	if u.built != "" {
		os.RemoveAll(u.built)
	}
}
