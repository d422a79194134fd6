package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

func recvCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "recv",
		Usage:     "receive streams and show, record, pipe or re-serve them",
		UsageText: "udpcam recv [--addr [HOST]:PORT] [--show] [--http ADDR] [--out OUT] [flags]",
		Description: cmdline.Examples(
			"udpcam recv --show", "a window for each stream",
			"udpcam recv --term", "in this terminal, as over ssh",
			"udpcam recv --http :8080", "for browsers, at http://127.0.0.1:8080",
			"udpcam recv --out frames.mjpg --show", "record, and watch meanwhile",
			"udpcam recv --out film.mkv --new-file 1h", "a film that VLC plays, an hour a file",
			"udpcam recv --out - | ffplay -f mjpeg -", "into another program",
			"udpcam recv --addr 239.1.2.3:12345 --out rec/", "each stream of a multicast group to a file",
		) + "\nSinks, any number of them at the same time:\n" + cmdline.Indent(sinkHelp) + "\nWithout a sink recv only counts.\n",
		Action: recv,
	},
		cmdline.Flags("Senders",
			&cli.StringFlag{Name: "addr", Usage: "listen here (`[HOST]:PORT`), or join this multicast group",
				Value: anyAddress},
			wireFlag(),
			&cli.DurationFlag{Name: "deadline", Usage: "give up a frame that is not complete after this `TIME`",
				Value: protocol.DefaultDeadline},
			interfaceFlag(),
		),
		cmdline.Flags("Loss",
			&cli.DurationFlag{Name: "latency", Usage: "how long (`TIME`) a complete frame may wait for an older one that is being repaired",
				DefaultText: "about three round trips"},
			feedbackFlag("report to senders, and ask for what is missing"),
			&cli.BoolFlag{Name: "no-gro", Usage: "receive each datagram by itself, for kernels where receiving many at once is broken"},
		),
		keyFlags("take only streams that are sealed with this key (repeatable)"),
		cmdline.Flags("Sinks",
			&cli.BoolFlag{Name: "show", Usage: "open a window for each stream; q or Esc closes it"},
			&cli.BoolFlag{Name: "term", Usage: "draw the picture in this terminal"},
			&cli.StringSliceFlag{Name: "out", Usage: "write to (`OUT`) a file, directory or pipe (repeatable)", TakesFile: true},
			&cli.StringFlag{Name: "stream", Usage: "the stream (`NAME`) that --out and --term take",
				DefaultText: "the first that is live; of a directory: all"},
			&cli.BoolFlag{Name: "force", Usage: "overwrite files that exist"},
			&cli.StringSliceFlag{Name: "new-file", Usage: "begin a new recording after `LIMIT`: a time such as 10m, a size such as 500MB, or both (repeatable)"},
			&cli.StringFlag{Name: "record-as", Usage: "the `FORMAT` of recordings in a directory: mjpg or mkv", DefaultText: "mjpg"},
			&cli.DurationFlag{Name: "snapshot-every", Usage: "replace --out pic.jpg once in this `TIME`; in a directory, write one picture of each stream as often", DefaultText: "every frame"},
		),
		httpFlags(""),
		cmdline.Flags("While it runs", framesFlag()),
		runningFlags(),
	)
}

// anyAddress is where recv listens unless it is told: on all addresses of this machine.
var anyAddress = fmt.Sprintf(":%d", sender.DefaultPort)

// recv is udpcam recv.
func recv(c *cli.Context) error {
	config, err := receiverConfig(c)
	if err != nil {
		return err
	}
	limit, err := framesOf(c)
	if err != nil {
		return err
	}
	if err := checkOutputs(c); err != nil {
		return err
	}
	s, ctx, err := newSession(c, slices.Contains(cmdline.List(c, "out"), "-"))
	if err != nil {
		return err
	}
	config.Log = s.log
	warnOfKeys(c, s.log)
	var skipped tally
	to, err := openOutputs(c, s.log, skipped.add)
	if err != nil {
		return err
	}
	from, err := listen(ctx, c, config)
	if err != nil {
		to.close()
		return err
	}
	defer from.Close()
	if to.server != nil {
		to.server.ReceiveFrom(from)
	}
	parts := newGroup(ctx)
	to.none = parts.end

	s.log.Info("listening", "addr", from.LocalAddr(), "wire", config.Wire)
	to.announce()
	report := newRecvReport(s, from, config.Wire, to, &skipped)
	watch := s.watch(report)
	parts.run(func(ctx context.Context) error {
		defer parts.end()
		return receive(ctx, from, limit, func(f protocol.Frame, now time.Time) {
			report.arrivals.note(f, now)
			to.put(f, now)
		})
	})
	if to.server != nil {
		parts.run(to.server.serve)
	}
	if to.window != nil {
		if err := to.window.Run(parts.ctx); err != nil {
			parts.fail(err)
		}
		if to.leave() > 0 && ctx.Err() == nil {
			s.log.Info("the window is closed")
		}
	}
	err = parts.wait()
	watch.stop()
	err = cmp.Or(err, to.close())
	watch.end(err)
	return err
}

// receive hands on the frames that a receiver receives, with the time at which they came, until it or ctx ends, or
// limit of them have come, if limit is not 0.
func receive(ctx context.Context, from *receiver.Receiver, limit uint64, put func(protocol.Frame, time.Time)) error {
	n := uint64(0)
	for f, err := range from.Frames(ctx) {
		if err != nil {
			return err
		}
		put(f, time.Now())
		if n++; n == limit {
			return nil
		}
	}
	return nil
}

// receiverConfig is what the flags say of how to receive.
func receiverConfig(c *cli.Context) (config receiver.Config, err error) {
	config.Deadline = c.Duration("deadline")
	if config.Deadline <= 0 {
		return config, cmdline.Usagef("--deadline %v: give a time above 0, such as 500ms", config.Deadline)
	}
	config.Latency = c.Duration("latency")
	if c.IsSet("latency") && config.Latency <= 0 {
		config.Latency = -1 // not at all
	}
	config.OneWay, config.NoGRO = !c.Bool("feedback"), c.Bool("no-gro")
	if config.Wire, err = wireOf(c); err != nil {
		return config, err
	}
	if config.Keys, err = keysOf(c); err != nil {
		return config, err
	}
	config.Interface, err = interfaceOf(c)
	return config, err
}

// listen opens the receiver on the address of --addr.
func listen(ctx context.Context, c *cli.Context, config receiver.Config) (*receiver.Receiver, error) {
	addr, err := addressOf("addr", cmp.Or(c.String("addr"), anyAddress))
	if err != nil {
		return nil, err
	}
	r, err := receiver.Listen(ctx, config, addr)
	var dns *net.DNSError
	switch {
	case err == nil && fallenBack(addr, r.LocalAddr()):
		config.Log.Warn("this machine has no IPv6: only IPv4 is listened on", "addr", r.LocalAddr())
		return r, nil
	case err == nil:
		return r, nil
	case errors.As(err, &dns):
		err = fmt.Errorf("%w (give an address of this machine, or %s for all it has)", err, anyAddress)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		err = fmt.Errorf("%w (this machine does not have that address; %s stands for all it has)", err, anyAddress)
	case errors.Is(err, os.ErrPermission):
		err = fmt.Errorf("%w (ports below 1024 are for root: choose a higher one)", err)
	}
	return nil, fmt.Errorf("--addr: %w", err)
}

// fallenBack reports whether who asked for all addresses of IPv6 got those of IPv4: there is no IPv6 then.
func fallenBack(asked string, got netip.AddrPort) bool {
	wanted, err := netip.ParseAddrPort(asked)
	return err == nil && wanted.Addr() == netip.IPv6Unspecified() && got.Addr().Is4()
}

// sinkHelp is what can be given to recv as a sink.
const sinkHelp = `--show             a window for each stream, in a build with OpenCV
--term             this terminal: kitty graphics, sixels, or half blocks
--http :8080       browsers: a page, MJPEG streams, snapshots
--out frames.mjpg  a recording: JPEGs one after another, as ffmpeg reads them
--out film.mkv     a recording with times, for players such as VLC
--out pic.jpg      the newest picture, always whole
--out DIR/         a recording of each stream
--out -            standard output; or a named pipe by its path
`
