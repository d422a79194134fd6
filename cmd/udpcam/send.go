package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender"
	"udpcam/sender/source"
)

func sendCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "send",
		Usage:     "send a camera or another source of pictures to receivers",
		UsageText: "udpcam send --addr HOST[:PORT] [--source SOURCE] [flags]",
		Description: cmdline.Examples(
			"udpcam send --addr 192.168.1.20", "the first camera that works",
			"udpcam send --addr pc.local:12345 --source test:", "a test pattern, no camera needed",
			"udpcam send --addr 239.1.2.3 --source http://cam/video.mjpg", "an IP camera to a multicast group",
			"ffmpeg -i film.mp4 -f mjpeg - | udpcam send --addr pc --source -", "any program that writes JPEGs",
		) + "\nSources:\n" + cmdline.Indent(source.Help()),
		Action: send,
	},
		cmdline.Flags("Receivers",
			&cli.StringSliceFlag{Name: "addr",
				Usage: "send to (`HOST[:PORT]`) a name, an IP address or a multicast group (repeatable)"},
			&cli.StringFlag{Name: "name", Aliases: []string{"stream"}, Usage: "the stream's `NAME`",
				DefaultText: "from this host's name and the source"},
			wireFlag(),
			&cli.IntFlag{Name: "segment", Usage: "at most `N` bytes of a frame in each datagram", DefaultText: fmt.Sprintf(
				"%d, less if the path takes less; classic: %d", protocol.DefaultSegmentSize, protocol.ClassicSegmentSize)},
			interfaceFlag(),
			&cli.IntFlag{Name: "ttl", Usage: "how many networks (`N`) multicast may reach; 1 is this one alone", Value: 1},
		),
		cmdline.Flags("Loss",
			&cli.StringFlag{Name: "fec", Value: "auto", Usage: "parity (`SHARE`) for lost packets: " +
				"auto follows the loss that receivers report; or a share such as 20%, or off"},
			&cli.StringFlag{Name: "pace", Value: "auto", Usage: "how fast (`PACE`) a frame leaves: auto follows the path; " +
				"or Mbit/s such as 200, a share of the time between two frames such as 25%, or off"},
			feedbackFlag("take reports from receivers, and resend what they miss"),
			&cli.BoolFlag{Name: "no-gso", Usage: "send each datagram by its own system call, " +
				"for kernels and network cards where sending many at once is broken"},
		),
		keyFlags("seal the stream: only receivers with the same key can watch"),
		sourceFlags(source.Default()),
		cmdline.Flags("Uploads",
			allowHostFlag(),
			&cli.StringFlag{Name: "auth", Usage: "ask cameras that post for this `USER:PASSWORD`"},
			&cli.StringFlag{Name: "token", Usage: "let in cameras that have this `TOKEN` too: http://…/upload?token=TOKEN"},
		),
		cmdline.Flags("While it runs", framesFlag()),
		runningFlags(),
	)
}

// uploadOnly are flags of send for uploads alone.
var uploadOnly = []string{"allow-host", "auth", "token"}

func send(c *cli.Context) error {
	for _, flag := range uploadOnly {
		// A variable such as UDPCAM_TOKEN may be there for udpcam recv.
		if c.IsSet(flag) && os.Getenv(cmdline.Variable(flag)) == "" && !isUpload(c.String("source")) {
			return cmdline.Usagef("--%s is for cameras that post their pictures: it needs --source post://:8081/", flag)
		}
	}
	config, err := senderConfig(c)
	if err != nil {
		return err
	}
	addrs, err := receiversOf(c)
	if err != nil {
		return err
	}
	s, ctx := newSession(c, false)
	config.Log = s.log
	warnOfKeys(c, s.log)
	work := &sending{session: s, key: config.Key, last: progress{Time: s.began}}
	name, src, err := openSource(c, source.Default(), source.Options{
		Pressure: func() float64 { return work.to.Pressure() }, // the source calls it only once it runs
		Skip:     s.skipped.count,
		Encoded:  work.encoding.note,
		Log:      s.log,
	})
	if err != nil {
		return err
	}
	work.source = source.Redact(name)
	to, err := sender.Dial(ctx, config, addrs...)
	if err != nil {
		return err
	}
	defer to.Close()
	work.to = to

	watch := s.watch(work)
	err = pump(ctx, src, to.Send, uint64(c.Int("frames")), s.skipped.count, func(f protocol.Frame, n uint64) {
		work.delays.note(time.Since(f.Captured))
		if n == 1 {
			attrs := []any{"source", work.source, "to", to.Addrs(), "stream", config.Name, "wire", config.Wire}
			if config.Key != (protocol.Key{}) {
				attrs = append(attrs, "key", config.Key.ID())
			}
			s.log.Info("sending", attrs...)
		}
	})
	if st := to.Stats(); err == nil && st.Frames > 0 && st.Datagrams == 0 {
		err = fmt.Errorf("nothing could be sent to %v: is this machine connected to a network?", to.Addrs())
	}
	watch.end(err)
	return err
}

func receiversOf(c *cli.Context) (addrs []string, err error) {
	for _, text := range cmdline.List(c, "addr") {
		addr, err := addressOf(text)
		if err != nil {
			return nil, err
		}
		switch host, port, _ := net.SplitHostPort(addr); {
		case host == "":
			return nil, cmdline.Usagef("--addr %q: name a host to send to, such as 192.168.1.20", text)
		case port == "0":
			return nil, cmdline.Usagef("--addr %q: the port has to be 1 to 65535", text)
		}
		addrs = append(addrs, addr)
	}
	if len(addrs) == 0 {
		return nil, cmdline.Usagef("--addr is missing: give the receiver's address, such as --addr 192.168.1.20")
	}
	return addrs, nil
}

// pump sends the frames of a source. It ends with the source, with ctx, or after limit frames if limit is not 0. After
// each frame it calls sent with the number of frames so far.
//
// A frame that is too large for the wire is skipped. If it is the first, that is an error: the others are not likely to fit
// either.
func pump(ctx context.Context, src source.Source, send func(protocol.Frame) (bool, error), limit uint64,
	skip func(reason string), sent func(f protocol.Frame, n uint64)) error {

	n := uint64(0)
	for f, err := range src.Frames(ctx) {
		if err != nil {
			return err
		}
		ok, err := send(f)
		switch {
		case errors.Is(err, protocol.ErrFrameSize) && n == 0:
			return fmt.Errorf("%w: choose a larger --segment, or smaller pictures", err)
		case errors.Is(err, protocol.ErrFrameSize):
			skip("too large for the wire")
		case errors.Is(err, sender.ErrNotJPEG):
			skip("no JPEG")
		case err != nil:
			return err
		case ok:
			n++
			sent(f, n)
			if n == limit {
				return nil
			}
		}
	}
	return nil
}

// senderConfig returns what the flags say about sending.
func senderConfig(c *cli.Context) (config sender.Config, err error) {
	config = sender.Config{
		SegmentSize: c.Int("segment"),
		TTL:         c.Int("ttl"),
		OneWay:      !c.Bool("feedback"),
		NoGSO:       c.Bool("no-gso"),
	}
	if config.FEC, err = cmdline.ParseFEC(c.String("fec")); err != nil {
		return config, cmdline.Usagef("--fec: %w", err)
	}
	if config.Pace, err = cmdline.ParsePace(c.String("pace")); err != nil {
		return config, cmdline.Usagef("--pace: %w", err)
	}
	config.Wire, _ = protocol.ParseWire(c.String("wire")) // checkFlags has seen it
	switch name := c.String("name"); config.Wire {
	case protocol.WireClassic:
		if name != "" {
			return config, cmdline.Usagef("--name and --wire classic contradict: the classic wire carries no names")
		}
		if c.IsSet("fec") && config.FEC != sender.FECOff {
			return config, cmdline.Usagef("--fec and --wire classic contradict: the classic wire has no parity")
		}
		_, err = protocol.NewClassicSplitter(config.SegmentSize)
	default:
		if name != protocol.CleanName(name) {
			return config, cmdline.Usagef("--name %q: give at most %d bytes of printable text", name, protocol.MaxStreamName)
		}
		config.Name = cmp.Or(name, streamName(c.String("source")))
		_, err = protocol.NewSplitter(0, 0, config.SegmentSize)
	}
	if err != nil {
		return config, cmdline.Usagef("--segment: %w", err)
	}
	keys, err := keysOf(c)
	switch {
	case err != nil:
		return config, err
	case len(keys) > 1:
		return config, cmdline.Usagef("--key: give one key to seal the stream with, not %d", len(keys))
	case len(keys) == 1:
		config.Key = keys[0]
	}
	config.Interface, err = interfaceOf(c)
	return config, err
}
