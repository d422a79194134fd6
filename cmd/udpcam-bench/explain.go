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
		Usage:     "explain from a trace what happened to each lost frame, and draw it",
		UsageText: "udpcam-bench explain [flags] FILE",
		ArgsUsage: "FILE",
		Description: cmdline.Examples(
			"udpcam-bench explain --plot plots bursty.zst", "each lost frame as a sentence, and as a timeline",
			"udpcam-bench explain --frame 57 --plot plots bursty.zst", "one frame, lost or not",
		),
		Action: explain,
	},
		benchFlags("What to show",
			&cli.IntFlag{Name: "frame", Usage: "only the frame with this ID (`N`)", DefaultText: "all that were lost", Value: -1},
			&cli.StringFlag{Name: "plot", Usage: "draw timelines into the folder `DIR`, as SVG", TakesFile: true},
			&cli.IntFlag{Name: "most", Usage: "draw at most `N` timelines", Value: 6},
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
	shown, dir := 0, c.String("plot")
	var drawn []string
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
			if shown++; dir != "" && shown <= c.Int("most") {
				file, err := bench.PlotStory(k.Name, s, dir)
				if err != nil {
					out.Flush()
					return fmt.Errorf("--plot: %w", err)
				}
				drawn = append(drawn, file)
			}
		}
	}
	if shown == 0 && c.Int("frame") >= 0 {
		return fmt.Errorf("there is no frame %d in this trace", c.Int("frame"))
	}
	for _, file := range drawn {
		fmt.Fprintln(out, "drawn:", file)
	}
	return out.Flush()
}
