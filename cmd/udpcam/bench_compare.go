package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/sender/source/pattern"
)

func benchCompareCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "compare",
		Usage:     "the same pictures through udpcam and through what people use today",
		UsageText: "udpcam bench compare [--link LINK] [--loss LIST] [--carrier NAMES] [flags]",
		Description: examples(
			"sudo udpcam bench compare", "everything that is installed, at 0, 1, 5 and 10 % loss and 4 ms round trip",
			"sudo udpcam bench compare --link tun", "the same where the kernel has no netem",
			"sudo udpcam bench compare --carrier udpcam,SRT --scenario bursty", "two of them, over another network",
		) + "\nLinks:\n" + indent(linkHelp[strings.Index(linkHelp, "netem"):]) + "\nCarriers:\n" + indent(carrierHelp()),
		Action: benchCompare,
	},
		benchFlags("Network", processLinkFlag()),
		networkFlags("0,1,5,10", "none"),
		pictureFlags(300),
		benchFlags("Carriers",
			&cli.StringFlag{Name: "carrier", Usage: "what to compare (`NAMES`), separated by commas", Value: "all"},
			&cli.DurationFlag{Name: "settle", Usage: "how long each program has to get ready (`TIME`)", Value: time.Second},
		),
		resultFlags(),
	)
}

// processLinkFlag is the link of what is made of processes, whose time cannot be simulated.
func processLinkFlag() cli.Flag {
	return &cli.StringFlag{Name: "link", Usage: "what the network is made of (`LINK`): netem or tun", Value: bench.LinkNetem}
}

// pictureFlags say which pictures are fed in.
func pictureFlags(frames int) []cli.Flag {
	return benchFlags("Camera",
		&cli.StringFlag{Name: "pictures", Usage: "feed the pictures in this `FILE` of JPEGs, instead of a noisy test pattern", TakesFile: true},
		&cli.StringFlag{Name: "size", Usage: "size (`WxH`) of the test pattern in pixels", Value: "768x576"},
		&cli.IntFlag{Name: "frame-size", Usage: "bytes (`N`) of a picture of it, about", Value: 78_000},
		&cli.Float64Flag{Name: "fps", Usage: "pictures a second (`N`)", Value: 30},
		&cli.IntFlag{Name: "frames", Usage: "how many (`N`) that count", Value: frames},
		&cli.IntFlag{Name: "seed", Usage: "of chance, where the link is tun (`N`)", Value: 1},
	)
}

func carrierHelp() string {
	var b strings.Builder
	for _, c := range bench.Carriers {
		fmt.Fprintf(&b, "%-13s  %s\n", c.Name, c.Settings)
	}
	return b.String()
}

// picturesOf are the pictures that the flags describe, with as many more as do not count.
func picturesOf(c *cli.Context) ([][]byte, error) {
	frames := c.Int("frames")
	if frames < 10 || frames > 100_000 {
		return nil, usagef("--frames %d: give 10 to 100000", frames)
	}
	if err := checkFPS(c.Float64("fps")); err != nil {
		return nil, err
	}
	more := bench.Uncounted(c.Float64("fps"))
	if path := c.String("pictures"); path != "" {
		pictures, err := bench.ReadPictures(path, frames+more)
		if err != nil {
			return nil, fmt.Errorf("--pictures: %w", err)
		}
		return pictures, nil
	}
	size, err := parseSize(c.String("size"))
	if err != nil {
		return nil, err
	}
	if err := pattern.CheckSize(size); err != nil {
		return nil, usagef("--size: %w", err)
	}
	return makePictures(c.Context, size, c.Int("frame-size"), frames+more)
}

func checkFPS(fps float64) error {
	if fps >= 1 && fps <= 1000 {
		return nil
	}
	return usagef("--fps %g: give 1 to 1000", fps)
}

// makePictures makes pictures of about so many bytes.
func makePictures(ctx context.Context, size image.Point, bytes, count int) ([][]byte, error) {
	if bytes < 1 {
		return nil, usagef("--frame-size %d: give 1 or more", bytes)
	}
	pictures, err := bench.Pictures(ctx, size, bytes, count)
	switch {
	case ctx.Err() != nil:
		return nil, errInterrupted
	case errors.Is(err, bench.ErrPictures):
		return nil, usagef("--frame-size %d: %w", bytes, err)
	}
	return pictures, err
}

// benchCompare is udpcam bench compare.
func benchCompare(c *cli.Context) error {
	carriers, err := bench.FindCarriers(c.String("carrier"))
	if err != nil {
		return usagef("--carrier: %w", err)
	}
	settle := c.Duration("settle")
	if settle < 0 || settle > time.Minute {
		return usagef("--settle %v: give 0s to 1m", settle)
	}
	networks, err := networksOf(c)
	if err != nil {
		return err
	}
	pictures, err := picturesOf(c)
	if err != nil {
		return err
	}
	comparison := bench.Comparison{Networks: networks, Carriers: carriers, Link: c.String("link"), Pictures: pictures,
		FPS: c.Float64("fps"), Settle: settle, Seed: uint64(c.Int("seed"))}
	return runBench(c, "compare", func(ctx context.Context, report *bench.Report, progress bench.Progress) (err error) {
		report.Rows, report.Notes, err = bench.Compare(ctx, comparison, &report.Made, progress)
		return err
	})
}

// benchTCPCommand is one of the carriers: what TCP does when nothing is in its way.
func benchTCPCommand() *cli.Command {
	return command(&cli.Command{
		Name:        "tcp",
		Hidden:      true,
		Usage:       "copy standard input to a TCP connection, or one to standard output: a carrier of bench compare",
		UsageText:   "udpcam bench tcp send|receive HOST:PORT",
		ArgsUsage:   "send|receive HOST:PORT",
		Description: examples("udpcam bench tcp receive :12345 >frames.mjpg", "then elsewhere: udpcam bench tcp send HOST:12345 <frames.mjpg"),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return usagef("give send or receive, and an address")
			}
			switch addr := c.Args().Get(1); c.Args().First() {
			case "send":
				return tcpSend(c.Context, addr)
			case "receive":
				return tcpReceive(c.Context, addr)
			}
			return usagef("%q: give send or receive", c.Args().First())
		},
	})
}

func tcpSend(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return copyUntil(ctx, conn, conn, os.Stdin)
}

func tcpReceive(ctx context.Context, addr string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	return copyUntil(ctx, conn, os.Stdout, conn)
}

// copyUntil copies until there is no more, or ctx is done. Go sets TCP_NODELAY by itself.
func copyUntil(ctx context.Context, conn net.Conn, w io.Writer, r io.Reader) error {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_, err := io.Copy(struct{ io.Writer }{w}, r)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
