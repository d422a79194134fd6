package main

import (
	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
)

func showCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "show",
		Usage:     "show results that --json has written; several files become one table",
		UsageText: "udpcam-bench show [flags] FILE...",
		ArgsUsage: "FILE...",
		Description: cmdline.Examples(
			"udpcam-bench show loss.json", "print the table again",
			"udpcam-bench show --plot plots sim.json netem.json", "plot two links side by side",
		),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return cmdline.Usagef("give the files that --json has written, and flags before them")
			}
			results, err := bench.ReadResults(c.Args().Slice()...)
			if err != nil {
				return err
			}
			if err := checkOutputs(c); err != nil {
				return err
			}
			return show(c, results)
		},
	}, resultFlags())
}
