package main

import (
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

var errInterrupted = errors.New("interrupted: nothing is written")

// runBench measures, and shows and writes the results. If udpcam is not nil, it gets the path of the udpcam to be measured.
func runBench(c *cli.Context, name string, m bench.Measurement, udpcam *string) error {
	// Measuring makes garbage of its own. Collecting it less often disturbs less, and there is memory for it.
	debug.SetGCPercent(400)
	if err := checkOutputs(c); err != nil {
		return err
	}
	results := &bench.Results{Bench: name, Made: bench.NewEnvironment(cmdline.Version(release), commandLine())}
	if udpcam != nil {
		path, remove, err := findUdpcam(c, results)
		if err != nil {
			return err
		}
		defer remove()
		*udpcam = path
	}
	bar := &bar{w: c.App.ErrWriter}
	err := m.Measure(c.Context, results, bar.step)
	bar.end()
	switch {
	case c.Context.Err() != nil:
		return errInterrupted
	case errors.Is(err, netsim.ErrNetem), errors.Is(err, netns.ErrArguments):
		return cmdline.Usagef("%w", err)
	case err != nil:
		return err
	}
	return show(c, results)
}

// commandLine is how the bench was called, as it can be typed again, without the flags that only say where the results go.
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
