package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/bench"
	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/pattern"
	"udpcam/protocol"
)

func speedCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "speed",
		Usage:     "the highest frame rate that is sustained, and what it costs",
		UsageText: "udpcam-bench speed [--segment LIST] [--gso LIST] [--gro LIST] [flags]",
		Description: cmdline.Examples(
			"udpcam-bench speed", "on loopback, with and without GSO and GRO",
			"udpcam-bench speed --frame-size 250000 --segment 1408,8896,65472", "larger frames, and datagrams for jumbo networks",
		) + "\nSustained is a rate at which 99.9 % of the frames arrive. CPU is that of both ends, in one process.\n",
		Action: speed,
	},
		benchFlags("What to try",
			&cli.StringFlag{Name: "frame-size", Usage: "bytes of a frame (`LIST`)", Value: "78000"},
			&cli.StringFlag{Name: "segment", Usage: "bytes of a frame in a datagram (`LIST`)",
				Value: fmt.Sprintf("%d,8896,65472", protocol.DefaultSegmentSize)},
			&cli.StringFlag{Name: "gso", Usage: "many datagrams in one call, when sending (`LIST`): on, off", Value: "on,off"},
			&cli.StringFlag{Name: "gro", Usage: "and when receiving (`LIST`): on, off", Value: "on,off"},
			&cli.DurationFlag{Name: "trial", Usage: "how long each rate is tried (`TIME`)", Value: 400 * time.Millisecond},
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
		Usage:     "many viewers, some of which take nothing",
		UsageText: "udpcam-bench fanout [--by LIST] [--viewers LIST] [--stalled LIST] [flags]",
		Description: cmdline.Examples(
			"udpcam-bench fanout", "1, 10 and 50 viewers, alone and with 5 that are stalled",
			"udpcam-bench fanout --by socket --viewers 200 --stalled 0,50 --fps 10", "more of them, as the page watches",
		) + "\nA viewer over a WebSocket says of each picture that it has it, as the page does when it is drawn. CPU is the server's, for a gigabyte of what viewers get.\n",
		Action: fanout,
	},
		benchFlags("Viewers",
			&cli.StringFlag{Name: "by", Usage: "how they watch (`LIST`): mjpeg, which is HTTP for programs; socket, the page's WebSocket", Value: "mjpeg,socket"},
			&cli.StringFlag{Name: "viewers", Usage: "how many watch (`LIST`)", Value: "1,10,50"},
			&cli.StringFlag{Name: "stalled", Usage: "how many more ask for the stream and take nothing (`LIST`)", Value: "0,5"},
		),
		pictureFlags(150),
		udpcamFlags(),
		resultFlags(),
	)
}

// fanout is udpcam-bench fanout.
func fanout(c *cli.Context) error {
	var fan bench.Fan
	var errs [4]error
	fan.By, errs[0] = listed(c, "by", bench.FindWay)
	fan.Viewers, errs[1] = listed(c, "viewers", whole(1, 10_000))
	fan.Stalled, errs[2] = listed(c, "stalled", whole(0, 10_000))
	fan.FPS = c.Float64("fps")
	fan.Pictures, errs[3] = picturesOf(c)
	if err := cmp.Or(errs[:]...); err != nil {
		return err
	}
	return runBench(c, "fanout", &fan, &fan.Udpcam)
}

func delayCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:      "delay",
		Usage:     "how old a picture is at each stage from the camera to the screen",
		UsageText: "udpcam-bench delay [flags]",
		Description: cmdline.Examples(
			"udpcam-bench delay", "a test pattern, up to a browser's page if there is Chromium",
			"udpcam-bench delay --size 1920x1080 --fps 60", "a larger one, more often",
		) + "\nWhen a picture was drawn is read back from its pixels at each stage, on this machine, by one clock.\n",
		Action: delay,
	},
		benchFlags("Camera",
			&cli.StringFlag{Name: "size", Usage: "size (`WxH`) of the test pattern in pixels", Value: "768x576"},
			&cli.Float64Flag{Name: "fps", Usage: "pictures a second (`N`)", Value: 30},
			&cli.IntFlag{Name: "frames", Usage: "how many (`N`) to look at, at each stage", Value: 300},
		),
		udpcamFlags(),
		resultFlags(),
	)
}

// delay is udpcam-bench delay.
func delay(c *cli.Context) error {
	size, err := cmdline.ParseSize(c.String("size"))
	if err == nil && pattern.CheckSize(size) != nil {
		err = cmdline.Usagef("--size: %w", pattern.CheckSize(size))
	}
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
