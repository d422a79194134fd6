package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/trace"
)

func explainCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "explain",
		Usage:     "tell from a trace what happened to each lost frame, and draw it",
		UsageText: "udpcam-bench explain [flags] FILE",
		ArgsUsage: "FILE",
		Description: cmdline.Examples(
			"udpcam-bench explain --plot plots bursty.zst", "each lost frame in a sentence, and as a timeline",
			"udpcam-bench explain --frame 57 --plot plots bursty.zst", "one frame, lost or not",
		),
		Action: explain,
	},
		benchFlags("What to show",
			&cli.IntFlag{Name: "frame", Usage: "only the frame with this ID (`N`)", DefaultText: "all that were lost", Value: -1},
			&cli.StringFlag{Name: "plot", Usage: "draw timelines, into `DIR`, as SVG", TakesFile: true},
			&cli.IntFlag{Name: "most", Usage: "draw at most `N` of them", Value: 6},
		),
	)
}

// explain is udpcam-bench explain.
func explain(c *cli.Context) error {
	if c.NArg() != 1 {
		return cmdline.Usagef("give one file that loss --trace has written, and flags before it")
	}
	f, err := os.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer f.Close()
	cases, err := trace.Read(f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Args().First(), err)
	}
	out := bufio.NewWriter(c.App.Writer)
	shown := 0
	var drawn []bench.Timeline
	for _, k := range cases {
		stories := k.Stories()
		lost, skipped := 0, 0
		for i := range stories {
			if stories[i].Lost() {
				lost++
			} else if stories[i].Skipped {
				skipped++
			}
		}
		fmt.Fprintf(out, "%s: %d frames, %d lost, %d not sent\n", k.Name, len(stories), lost, skipped)
		for i := range stories {
			s := &stories[i]
			if want := c.Int("frame"); want >= 0 && (s.Skipped || s.ID != uint32(want)) || want < 0 && !s.Lost() {
				continue
			}
			fmt.Fprintf(out, "  %s\n", s.Explain())
			drawn = append(drawn, bench.Timeline{Case: k.Name, Story: *s})
			shown++
		}
	}
	if shown == 0 && c.Int("frame") >= 0 {
		return fmt.Errorf("there is no frame %d in it", c.Int("frame"))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	dir := c.String("plot")
	if dir == "" {
		return nil
	}
	for _, t := range drawn[:min(len(drawn), max(0, c.Int("most")))] {
		file, err := t.Plot(dir)
		if err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
		fmt.Fprintln(c.App.Writer, "drawn:", file)
	}
	return nil
}
