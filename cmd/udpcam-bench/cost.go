package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
)

func speedCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "speed",
		Usage:     "measure the highest sustained frame rate, and its cost",
		UsageText: "udpcam-bench speed [--segment LIST] [--gso LIST] [--gro LIST] [flags]",
		Description: cmdline.Examples(
			"udpcam-bench speed", "on loopback, with and without GSO and GRO",
			"udpcam-bench speed --frame-size 250000 --segment 1408,8896,65472", "larger frames, and datagrams for jumbo networks",
		) + "\nA rate is sustained if 99.9 % of the frames arrive. CPU is the processor time of both ends together.\n",
		Action: speed,
	},
		benchFlags("What to try",
			&cli.StringFlag{Name: "frame-size", Usage: "bytes of a frame (`LIST`)", Value: "78000"},
			&cli.StringFlag{Name: "segment", Usage: "bytes of a frame in a datagram (`LIST`)",
				Value: fmt.Sprintf("%d,8896,65472", protocol.DefaultSegmentSize)},
			&cli.StringFlag{Name: "gso", Usage: "send many datagrams in one system call (`LIST`): on, off", Value: "on,off"},
			&cli.StringFlag{Name: "gro", Usage: "receive many datagrams in one system call (`LIST`): on, off", Value: "on,off"},
			&cli.DurationFlag{Name: "trial", Usage: "how long to try each rate (`TIME`)", Value: 400 * time.Millisecond},
		),
		resultFlags(),
	)
}

// speed is udpcam-bench speed.
func speed(c *cli.Context) error {
	var t bench.SpeedTest
	var errs [4]error
	t.FrameSizes, errs[0] = listed(c, "frame-size", whole(16, protocol.MaxFrameSize))
	t.Segments, errs[1] = listed(c, "segment", segmentSize)
	t.GSO, errs[2] = listed(c, "gso", onOff)
	t.GRO, errs[3] = listed(c, "gro", onOff)
	if err := cmp.Or(errs[:]...); err != nil {
		return err
	}
	if t.Trial = c.Duration("trial"); t.Trial < 50*time.Millisecond || t.Trial > time.Minute {
		return cmdline.Usagef("--trial %v: give 50ms to 1m", t.Trial)
	}
	return runBench(c, "speed", t, nil)
}

func onOff(text string) (bool, error) {
	if text != "on" && text != "off" {
		return false, errors.New("give on, off or both, separated by a comma")
	}
	return text == "on", nil
}

func fanoutCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "fanout",
		Usage:     "measure what many viewers get while other viewers read nothing",
		UsageText: "udpcam-bench fanout [--by LIST] [--viewers LIST] [--stalled LIST] [flags]",
		Description: cmdline.Examples(
			"udpcam-bench fanout", "1, 10 and 50 viewers, alone and with 5 that are stalled",
			"udpcam-bench fanout --by socket --viewers 200 --stalled 0,50 --fps 10", "200 viewers that watch as the page does",
			"sudo udpcam-bench fanout --by socket,datagrams --link veth --viewers 1,15", "what pages cost, each way",
			"udpcam-bench fanout --by udp --viewers 1,16,64 --stalled 0", "receivers that subscribe to udpcam send --listen",
		) + "\nA viewer over a WebSocket acknowledges each picture, as the page does once it has drawn it. CPU is the server's processor time for each gigabyte sent.\n",
		Action: fanout,
	},
		benchFlags("Viewers",
			&cli.StringFlag{Name: "by", Usage: "how viewers watch (`LIST`): mjpeg (MJPEG over HTTP, for programs), " +
				"socket (the page's WebSocket), datagrams (the page's data channel), udp (subscribed to udpcam send --listen)",
				Value: "mjpeg,socket"},
			&cli.StringFlag{Name: "link", Usage: "where viewers are (`LINK`): loopback, this machine; veth, another one behind a cable (root)",
				Value: bench.LinkLoopback},
			&cli.StringFlag{Name: "viewers", Usage: "how many viewers (`LIST`)", Value: "1,10,50"},
			&cli.StringFlag{Name: "stalled", Usage: "how many more viewers that ask for the stream but read nothing (`LIST`)", Value: "0,5"},
		),
		pictureFlags(150, 78_000),
		udpcamFlags(),
		resultFlags(),
	)
}

// fanout is udpcam-bench fanout.
func fanout(c *cli.Context) error {
	var fan bench.Fan
	var errs [5]error
	fan.By, errs[0] = listed(c, "by", bench.FindWay)
	fan.Viewers, errs[1] = listed(c, "viewers", whole(1, 10_000))
	fan.Stalled, errs[2] = listed(c, "stalled", whole(0, 10_000))
	if fan.Link, errs[3] = bench.FindFanLink(c.String("link")); errs[3] != nil {
		errs[3] = cmdline.Usagef("--link: %w", errs[3])
	}
	fan.FPS = c.Float64("fps")
	fan.Pictures, errs[4] = picturesOf(c)
	if err := cmp.Or(errs[:]...); err != nil {
		return err
	}
	return runBench(c, "fanout", &fan, &fan.Udpcam)
}

func hubCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "hub",
		Usage:     "measure streams that go by way of hubs, beside udpcam serve",
		UsageText: "udpcam-bench hub [flags]",
		Description: cmdline.Examples(
			"sudo udpcam-bench hub", "delay, a slow link, hubs that fail, idle sites, many viewers",
			"sudo udpcam-bench hub --slow 10m", "the slow link for ten minutes",
		) + "\nAll programs run on this machine. CPU is the processor time of the servers named, for each gigabyte that their viewers get. " +
			"Only root can measure the slow link.\n",
		Action: hub,
	},
		benchFlags("What to try",
			&cli.DurationFlag{Name: "slow", Usage: "how long (`TIME`) the slow link is watched", Value: 15 * time.Second},
			&cli.IntFlag{Name: "viewers", Usage: "viewers of each of three edges (`N`)", Value: 50},
		),
		pictureFlags(240, 118_000),
		udpcamFlags(),
		resultFlags(),
	)
}

// hub is udpcam-bench hub.
func hub(c *cli.Context) (err error) {
	t := bench.HubTest{FPS: c.Float64("fps"), Slow: c.Duration("slow"), Viewers: c.Int("viewers")}
	if t.Viewers < 1 || t.Viewers > 10_000 {
		return cmdline.Usagef("--viewers %d: give 1 to 10000", t.Viewers)
	}
	if t.Slow < time.Second || t.Slow > time.Hour {
		return cmdline.Usagef("--slow %v: give 1s to 1h", t.Slow)
	}
	if t.Pictures, err = picturesOf(c); err != nil {
		return err
	}
	return runBench(c, "hub", &t, &t.Udpcam)
}

func delayCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "delay",
		Usage:     "measure how old a picture is at each stage from the camera to the screen",
		UsageText: "udpcam-bench delay [flags]",
		Description: cmdline.Examples(
			"udpcam-bench delay", "a test pattern, up to a browser's page if there is Chromium",
			"udpcam-bench delay --size 1920x1080 --fps 60", "larger pictures, more often",
			"sudo udpcam-bench delay --by socket,datagrams --loss 0,1,5,10", "the page in Chromium on another machine, each way",
		) + "\nThe test pattern shows the time at which it was drawn. Each stage reads that time from the pixels. All stages are on this machine, so there is one clock.\n" +
			"\nWith --by there is a network between the server and a browser. There delays count from when the server has a picture, which is fed in, until the page has drawn it.\n",
		Action: delay,
	},
		benchFlags("Page",
			&cli.StringFlag{Name: "by", Usage: "how pictures come to the page (`LIST`): socket, datagrams, auto"},
		),
		networkFlags("0", "none"),
		pictureFlags(300, 78_000),
		udpcamFlags(),
		resultFlags(),
	)
}

// delay is udpcam-bench delay.
func delay(c *cli.Context) error {
	if c.String("by") != "" {
		return pageDelay(c)
	}
	for _, flag := range []string{"scenario", "netem", "loss", "burst", "rtt", "jitter", "rate", "frame-size", "pictures"} {
		if c.IsSet(flag) {
			return cmdline.Usagef("--%s is for the page: say how pictures come to it, such as --by socket,datagrams", flag)
		}
	}
	size, err := sizeOf(c)
	if err != nil {
		return err
	}
	t := bench.DelayTest{Size: size, FPS: c.Float64("fps"), Frames: c.Int("frames")}
	if err := checkFPS(t.FPS); err != nil {
		return err
	}
	if t.Frames < 10 || t.Frames > 10_000 {
		return cmdline.Usagef("--frames %d: give 10 to 10000", t.Frames)
	}
	return runBench(c, "delay", &t, &t.Udpcam)
}

// pageDelay is udpcam-bench delay --by.
func pageDelay(c *cli.Context) error {
	t := bench.PageTest{FPS: c.Float64("fps"), Seed: uint64(c.Int("seed"))}
	var errs [3]error
	t.By, errs[0] = listed(c, "by", bench.FindPageWay)
	t.Networks, errs[1] = networksOf(c)
	t.Pictures, errs[2] = picturesOf(c)
	if err := cmp.Or(errs[:]...); err != nil {
		return err
	}
	return runBench(c, "delay", &t, &t.Udpcam)
}
