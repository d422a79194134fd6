package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/netsim"
	"udpcam/protocol"
)

func lossCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "loss",
		Usage:     "measure which frames arrive over bad networks, how late, and at what cost",
		UsageText: "udpcam-bench loss [--scenario NAMES | --netem ARGS | --loss LIST ...] [flags]",
		Description: cmdline.Examples(
			"udpcam-bench loss --link sim", "all scenarios in simulated time, without root",
			"udpcam-bench loss --link sim --loss 0,1,2,5,10 --rtt 4ms --fec auto,20%,off --plot plots", "a curve for each kind of parity",
			"sudo udpcam-bench loss --link tun --netem 'delay 20ms loss 3%'", "real sockets over a network that you describe",
			"udpcam-bench loss --link sim --scenario bursty --trace bursty.zst", "records what happens to every datagram, for udpcam-bench explain",
		) + "\nLinks:\n" + cmdline.Indent(linkHelp) + "\nScenarios:\n" + cmdline.Indent(scenarioHelp()),
		Action: loss,
	},
		benchFlags("Network", &cli.StringFlag{Name: "link", Value: bench.LinkNetem,
			Usage: "kinds of link (`LIST`): sim, netem, tun"}),
		networkFlags("", "all"),
		benchFlags("Camera",
			&cli.StringFlag{Name: "frame-size", Usage: "bytes of a frame (`LIST`)", DefaultText: fmt.Sprintf("the scenario's own, or %d", bench.UsualFrame)},
			&cli.StringFlag{Name: "fps", Usage: "frames a second (`LIST`)", Value: "30"},
			&cli.IntFlag{Name: "frames", Usage: "how many frames (`N`) in each case", Value: 600},
			&cli.IntFlag{Name: "seed", Usage: "seed (`N`) of the random losses and delays of --link sim and tun", Value: 1},
		),
		benchFlags("Sender",
			&cli.StringFlag{Name: "segment", Usage: "bytes of a frame in a datagram (`LIST`)",
				Value: fmt.Sprint(protocol.DefaultSegmentSize)},
			&cli.StringFlag{Name: "fec", Usage: "parity (`LIST`): auto, shares such as 20%, off", Value: "auto"},
		),
		resultFlags(),
		benchFlags("Results",
			&cli.StringFlag{Name: "trace", Usage: "write to `FILE` what happened to every datagram, for udpcam-bench explain", TakesFile: true}),
	)
}

// networkFlags describe the networks. usualLoss and usualScenarios are the defaults.
func networkFlags(usualLoss, usualScenarios string) []cli.Flag {
	return benchFlags("Network",
		&cli.StringFlag{Name: "scenario", Usage: "`NAMES` of networks, separated by commas, or all", DefaultText: usualScenarios},
		&cli.StringSliceFlag{Name: "netem", Usage: "a network in the words of tc-netem (`ARGS`), and after the word tbf in those of tc-tbf. It is the same both ways (repeatable)"},
		&cli.StringFlag{Name: "loss", Usage: "percent of packets that are lost each way (`LIST`)", Value: usualLoss},
		&cli.StringFlag{Name: "burst", Usage: "mean number of packets that are lost in a row (`LIST`)", Value: "1"},
		&cli.StringFlag{Name: "rtt", Usage: "round-trip times (`LIST`)", Value: "4ms"},
		&cli.StringFlag{Name: "jitter", Usage: "how much more or less each way may take (`LIST`)", Value: "0"},
		&cli.StringFlag{Name: "rate", Usage: "Mbit/s of the narrowest link (`LIST`), 0 for no limit", Value: "0"},
	)
}

const linkHelp = `sim    simulated: works anywhere, and gives the same in every run
netem  emulated by the kernel, between two network namespaces (root)
tun    emulated by this program, for kernels without netem (root)
`

// scenarioHelp lists the scenarios.
func scenarioHelp() string {
	var b strings.Builder
	for _, n := range bench.Scenarios {
		fmt.Fprintf(&b, "%-13s  %s: %s", n.Name, n.About, n.Words())
		for i, size := range n.FrameSizes {
			fmt.Fprintf(&b, "%s%d", []string{"; frames of ", " and "}[min(i, 1)], size)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// loss is udpcam-bench loss.
func loss(c *cli.Context) error {
	m, err := matrixOf(c)
	if err != nil {
		return err
	}
	return runBench(c, "loss", m, nil)
}

// matrixOf is the matrix that the flags describe.
func matrixOf(c *cli.Context) (m bench.Matrix, err error) {
	var errs [7]error
	m.Links, errs[6] = listed(c, "link", bench.FindLink)
	m.Networks, errs[0] = networksOf(c)
	if c.String("frame-size") != "" {
		m.FrameSizes, errs[1] = listed(c, "frame-size", whole(16, protocol.MaxFrameSize))
	}
	m.FPS, errs[2] = listed(c, "fps", between(1, 1000))
	m.Segments, errs[3] = listed(c, "segment", segmentSize)
	m.FECs, errs[4] = listed(c, "fec", cmdline.ParseFEC)
	if m.Frames = c.Int("frames"); m.Frames < 1 || m.Frames > 1e6 {
		errs[5] = cmdline.Usagef("--frames %d: give 1 to 1000000", m.Frames)
	}
	m.Seed, m.Trace = uint64(c.Int("seed")), c.String("trace") != ""
	return m, cmp.Or(errs[:]...)
}

// segmentSize parses a size that protocol.Splitter can do.
func segmentSize(text string) (int, error) {
	n, err := whole(1, protocol.MaxDatagram)(text)
	if err == nil {
		_, err = protocol.NewSplitter(0, 0, n)
	}
	return n, err
}

// networksOf returns the networks that the flags describe. These are scenarios, unless other networks are given.
func networksOf(c *cli.Context) (networks []bench.Network, err error) {
	for _, args := range cmdline.List(c, "netem") {
		if _, err := netsim.ParseNetem(args); err != nil && strings.Contains(c.String("link"), bench.LinkSim) {
			return nil, cmdline.Usagef("--netem: %w", err)
		}
		networks = append(networks, bench.Network{Name: args, Netem: args})
	}
	product, err := productOf(c)
	if err != nil {
		return nil, err
	}
	networks = append(networks, product...)
	switch names := c.String("scenario"); {
	case names == "" && networks != nil:
	case names == "" || names == "all":
		networks = append(networks, bench.Scenarios...)
	default:
		named, err := listed(c, "scenario", bench.FindScenario)
		if err != nil {
			return nil, err
		}
		networks = append(networks, named...)
	}
	return networks, nil
}

// productOf returns the networks that are given by figures: every combination of them. Without such flags there are none.
func productOf(c *cli.Context) (networks []bench.Network, err error) {
	given := c.String("loss") != "" && c.String("scenario") == "" && len(cmdline.List(c, "netem")) == 0
	for _, flag := range []string{"loss", "burst", "rtt", "jitter", "rate"} {
		given = given || c.IsSet(flag)
	}
	if !given {
		return nil, nil
	}
	if c.String("loss") == "" {
		c.Set("loss", "0")
	}
	losses, e1 := listed(c, "loss", between(0, 90))
	bursts, e2 := listed(c, "burst", between(1, 1000))
	rtts, e3 := listed(c, "rtt", duration)
	jitters, e4 := listed(c, "jitter", duration)
	rates, e5 := listed(c, "rate", between(0, 100_000))
	if err := cmp.Or(e1, e2, e3, e4, e5); err != nil {
		return nil, err
	}
	for _, rtt := range rtts {
		for _, jitter := range jitters {
			if jitter > rtt/2 {
				return nil, cmdline.Usagef("--jitter %v: it cannot be more than half of the round trip, %v", jitter, rtt/2)
			}
			for _, rate := range rates {
				for _, burst := range bursts {
					for _, loss := range losses {
						networks = append(networks, bench.MakeNetwork(loss/100, burst, rtt, jitter, rate*1e6))
					}
				}
			}
		}
	}
	return networks, nil
}
