package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
)

func compareCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "compare",
		Usage:     "compare udpcam with other programs, which get the same pictures",
		UsageText: "udpcam-bench compare [--link LINK] [--loss LIST] [--carrier NAMES] [flags]",
		Description: cmdline.Examples(
			"sudo udpcam-bench compare", "everything that is installed, at 0, 1, 5 and 10 % loss and 4 ms round trip",
			"sudo udpcam-bench compare --link tun", "the same, for kernels without netem",
			"sudo udpcam-bench compare --carrier udpcam,SRT --scenario bursty", "two programs over another network",
			"sudo udpcam-bench compare --link veth --carrier 'udpcam,bare relay'", "what udpcam costs, and the least possible",
		) + "\nLinks:\n" + cmdline.Indent(linkHelp[strings.Index(linkHelp, "netem"):]+"veth   a cable that loses and delays nothing (root)\n") + "\nCarriers:\n" + cmdline.Indent(carrierHelp()),
		Action: compare,
	},
		benchFlags("Network",
			&cli.StringFlag{Name: "link", Usage: "kind of link (`LINK`): netem, tun or veth", Value: bench.LinkNetem}),
		networkFlags("0,1,5,10", "none"),
		pictureFlags(300, 78_000),
		benchFlags("Carriers",
			&cli.StringFlag{Name: "carrier", Usage: "what to compare (`NAMES`), separated by commas", Value: "all"},
			&cli.DurationFlag{Name: "settle", Usage: "how long each program has to start (`TIME`)", Value: time.Second},
		),
		udpcamFlags(),
		resultFlags(),
	)
}

func carrierHelp() string {
	var b strings.Builder
	for _, c := range bench.Carriers {
		fmt.Fprintf(&b, "%-13s  %s\n", c.Name, c.Settings)
	}
	return b.String()
}

// compare is udpcam-bench compare.
func compare(c *cli.Context) error {
	carriers := bench.Carriers
	if c.String("carrier") != "all" {
		named, err := listed(c, "carrier", bench.FindCarrier)
		if err != nil {
			return err
		}
		carriers = named
	}
	settle := c.Duration("settle")
	if settle < 0 || settle > time.Minute {
		return cmdline.Usagef("--settle %v: give 0s to 1m", settle)
	}
	link, err := bench.FindProcessLink(c.String("link"))
	if err != nil {
		return cmdline.Usagef("--link: %w", err)
	}
	networks, err := comparedNetworks(c)
	if err != nil {
		return err
	}
	pictures, err := picturesOf(c)
	if err != nil {
		return err
	}
	comparison := &bench.Comparison{Networks: networks, Carriers: carriers, Link: link, Pictures: pictures,
		FPS: c.Float64("fps"), Settle: settle, Seed: uint64(c.Int("seed"))}
	if bench.Measures(carriers) {
		return runBench(c, "compare", comparison, &comparison.Udpcam)
	}
	return runBench(c, "compare", comparison, nil)
}

// comparedNetworks are the networks that the flags describe; over veth there is only one.
func comparedNetworks(c *cli.Context) ([]bench.Network, error) {
	if c.String("link") != bench.LinkVeth {
		return networksOf(c)
	}
	for _, flag := range networkFlags("", "") {
		if name := flag.Names()[0]; c.IsSet(name) {
			return nil, cmdline.Usagef("--link veth and --%s contradict: a cable loses and delays nothing: choose netem or tun", name)
		}
	}
	return []bench.Network{bench.Undisturbed}, nil
}
