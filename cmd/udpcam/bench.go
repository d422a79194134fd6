package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/bench/netns"
	"udpcam/protocol/netsim"
)

func benchCommand() *cli.Command {
	c := command(&cli.Command{
		Name:      "bench",
		Usage:     "measure loss, delay and cost, of udpcam and of others",
		UsageText: "udpcam bench COMMAND [flags]",
		ArgsUsage: "COMMAND",
		Description: examples(
			"udpcam bench loss --link sim", "what arrives over each kind of network, in simulated time",
			"sudo udpcam bench loss --loss 0,1,5,10 --rtt 4ms", "the same over the kernel's netem, as a curve",
			"sudo udpcam bench compare --link tun", "beside GStreamer, SRT, TCP, ffmpeg",
		),
		Subcommands: []*cli.Command{
			benchLossCommand(),
			benchCompareCommand(),
			benchDelayCommand(),
			benchSpeedCommand(),
			benchFanoutCommand(),
			benchExplainCommand(),
			benchShowCommand(),
			benchTCPCommand(),
		},
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				return usagef("there is no command bench %s: choose from %s", name, strings.Join(names(c.Command.Subcommands), ", "))
			}
			return cli.ShowSubcommandHelp(c)
		},
	})
	c.CustomHelpTemplate = benchHelp
	return c
}

// benchHelp is the help of the command that has others below it.
const benchHelp = `{{.Usage}}

Usage:
  {{.UsageText}}

Commands:
{{commands .VisibleCommands}}
{{reflow .Description}}
See udpcam bench COMMAND --help for flags.
`

func names(commands []*cli.Command) (names []string) {
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// benchFlags are flags of bench's subcommands: UDPCAM_BENCH_JSON for --json.
func benchFlags(category string, fs ...cli.Flag) []cli.Flag {
	return prefixedFlags("bench-", category, fs...)
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
	report := &bench.Report{Bench: name, Made: bench.NewEnvironment(version(), commandLine())}
	bar := newBar(c.App.ErrWriter)
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

func benchShowCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "show",
		Usage:     "show reports that --json has written, several of one kind as one",
		UsageText: "udpcam bench show [flags] FILE...",
		ArgsUsage: "FILE...",
		Description: examples(
			"udpcam bench show loss.json", "the table once more",
			"udpcam bench show --plot plots sim.json netem.json", "two links side by side",
		),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return usagef("give the files that --json has written, and flags before them")
			}
			report, err := bench.ReadReports(c.Args().Slice()...)
			if err != nil {
				return err
			}
			results, err := openResults(c)
			if err != nil {
				return err
			}
			return results.write(c.App.Writer, report)
		},
	}, resultFlags())
}

// benchError says whose mistake it was.
func benchError(err error) error {
	for _, mistake := range []error{bench.ErrScenario, bench.ErrLink, bench.ErrCarrier, netsim.ErrNetem, netns.ErrArguments} {
		if errors.Is(err, mistake) {
			return usageError{err}
		}
	}
	return err
}

// commandLine is how udpcam was called, as it can be typed again, less what says only where the report goes.
func commandLine() []string {
	line := []string{"udpcam"}
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

func newBar(w io.Writer) *bar { return &bar{w: w} }

// step is a [bench.Progress].
func (b *bar) step(done, all int, next string) {
	if _, ok := terminalWidth(b.w); !ok {
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

// listed reads the comma-separated values of a flag.
func listed[T any](c *cli.Context, flag string, parse func(string) (T, error)) (values []T, err error) {
	for _, text := range strings.Split(c.String(flag), ",") {
		v, err := parse(strings.TrimSpace(text))
		if err != nil {
			return nil, usagef("--%s %q: %w", flag, c.String(flag), err)
		}
		values = append(values, v)
	}
	return values, nil
}

// between returns a parser of numbers within bounds.
func between(low, high float64) func(string) (float64, error) {
	return func(text string) (float64, error) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= low && v <= high) { // NaN is neither
			return 0, fmt.Errorf("give numbers from %g to %g, separated by commas", low, high)
		}
		return v, nil
	}
}

// whole returns a parser of whole numbers within bounds.
func whole(low, high int) func(string) (int, error) {
	return func(text string) (int, error) {
		v, err := strconv.Atoi(text)
		if err != nil || v < low || v > high {
			return 0, fmt.Errorf("give whole numbers from %d to %d, separated by commas", low, high)
		}
		return v, nil
	}
}

// lasting parses a time up to 10 s.
func lasting(text string) (time.Duration, error) {
	v, err := time.ParseDuration(text)
	if text == "0" {
		return 0, nil
	}
	if err != nil || v < 0 || v > 10*time.Second {
		return 0, errors.New("give times from 0 to 10s with their unit, such as 4ms, separated by commas")
	}
	return v, nil
}
