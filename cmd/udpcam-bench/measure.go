package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/netns"
	"udpcam/internal/netsim"
)

// benchFlags are flags in one category of the help: --json has the variable UDPCAM_BENCH_JSON.
func benchFlags(category string, fs ...cli.Flag) []cli.Flag {
	return cmdline.PrefixedFlags("bench-", category, fs...)
}

// resultFlags say where the report goes, besides the table.
func resultFlags() []cli.Flag {
	return benchFlags("Results",
		&cli.StringFlag{Name: "json", Usage: "write the report to `FILE` as JSON", TakesFile: true},
		&cli.StringFlag{Name: "csv", Usage: "write its rows to `FILE` as CSV", TakesFile: true},
		&cli.StringFlag{Name: "markdown", Usage: "write its table to `FILE` as Markdown", TakesFile: true},
		&cli.StringFlag{Name: "plot", Usage: "draw it, into `DIR`, as SVG", TakesFile: true},
	)
}

// A measurement is what a subcommand measures: it fills in the report.
type measurement func(ctx context.Context, report *bench.Report, progress bench.Progress) error

var errInterrupted = errors.New("interrupted: nothing is written")

// runBench measures, and shows and writes the report.
func runBench(c *cli.Context, name string, measure measurement) error {
	// A measurement makes garbage that has nothing to do with what it measures; there is memory for it.
	debug.SetGCPercent(400)
	results, err := openResults(c)
	if err != nil {
		return err
	}
	report := &bench.Report{Bench: name, Made: bench.NewEnvironment(cmdline.Version(release), commandLine())}
	bar := &bar{w: c.App.ErrWriter}
	err = measure(c.Context, report, bar.step)
	bar.end()
	switch {
	case c.Context.Err() != nil:
		err = errInterrupted
	case err != nil:
		err = benchError(err)
	}
	if err != nil {
		results.discard()
		return err
	}
	return results.write(c.App.Writer, report)
}

// benchError says whose mistake it was.
func benchError(err error) error {
	for _, mistake := range []error{bench.ErrScenario, bench.ErrLink, bench.ErrCarrier, netsim.ErrNetem, netns.ErrArguments} {
		if errors.Is(err, mistake) {
			return cmdline.Usagef("%w", err)
		}
	}
	return err
}

// commandLine is how the bench was called, as it can be typed again, less what says only where the report goes.
func commandLine() []string {
	line := []string{"udpcam-bench"}
	for i := 1; i < len(os.Args); i++ {
		a := os.Args[i]
		name, _, whole := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if strings.HasPrefix(a, "-") && slices.Contains([]string{"json", "csv", "markdown", "plot", "trace"}, name) {
			if !whole {
				i++
			}
			continue
		}
		if strings.ContainsAny(a, " *'\"$") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		line = append(line, a)
	}
	return line
}

// A bar shows how far a measurement is, on a terminal.
type bar struct {
	w   io.Writer
	bar *progressbar.ProgressBar
}

// step is a [bench.Progress].
func (b *bar) step(done, all int, next string) {
	if _, ok := cmdline.TerminalWidth(b.w); !ok {
		return
	}
	if b.bar == nil {
		b.bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(b.w), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24), progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetTheme(progressbar.ThemeUnicode))
	}
	b.bar.ChangeMax(all)
	b.bar.Describe(fmt.Sprintf("%-32.32s", next))
	b.bar.Set(done)
}

func (b *bar) end() {
	if b.bar != nil {
		b.bar.Clear()
	}
}
