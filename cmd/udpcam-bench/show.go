package main

import (
	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
)

func showCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "show",
		Usage:     "show reports that --json has written, several of one kind as one",
		UsageText: "udpcam-bench show [flags] FILE...",
		ArgsUsage: "FILE...",
		Description: cmdline.Examples(
			"udpcam-bench show loss.json", "the table once more",
			"udpcam-bench show --plot plots sim.json netem.json", "two links side by side",
		),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return cmdline.Usagef("give the files that --json has written, and flags before them")
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
