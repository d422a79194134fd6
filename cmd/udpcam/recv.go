package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/protocol/discovery"
	"udpcam/receiver"
)

func recvCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "recv",
		Usage:     "receive streams and show, record, pipe or re-serve them",
		UsageText: "udpcam recv [--from WHERE] [--show] [--http ADDR] [--out OUT] [flags]",
		Description: cmdline.Examples(
			"udpcam recv --from 192.168.1.7 --show", "a camera that listens: udpcam send --listen",
			"udpcam recv --show", "a window for each stream that is sent here",
			"udpcam recv --term", "in this terminal, as over ssh",
			"udpcam recv --http :8080", "for browsers, at http://127.0.0.1:8080",
			"udpcam recv --out frames.mjpg --show", "record, and watch meanwhile",
			"udpcam recv --out film.mkv --new-file 1h", "a film that VLC plays, an hour a file",
			"udpcam recv --out rec/ --record-as mkv --keep 7d", "of each camera, the last week",
			"udpcam recv --out - | ffplay -f mjpeg -", "into another program",
			"udpcam recv --out v4l2:/dev/video9", "a camera for meetings and browsers on this machine (v4l2loopback)",
			"udpcam recv --hub nats://192.168.1.5", "for other sites, by way of a hub",
			"udpcam recv --addr 239.1.2.3:12345 --out rec/", "each stream of a multicast group to a file",
		) + "\nSinks, any number of them at the same time:\n" + cmdline.Indent(sinkHelp) + "\nWithout a sink recv only counts.\n",
		Action: recv,
	},
		cmdline.Flags("Senders",
			fromFlag(),
			&cli.StringFlag{Name: "addr", Usage: "listen here (`[HOST]:PORT`), or join this multicast group",
				DefaultText: anyAddress + ", with --from any port"},
			wireFlag(),
			&cli.DurationFlag{Name: "deadline", Usage: "give up a frame that is not complete after this `TIME`",
				Value: protocol.DefaultDeadline},
			interfaceFlag(),
			&cli.StringSliceFlag{Name: "from-net", Usage: "take datagrams from this network alone: 192.168.1.0/24, or one " +
				"address (`CIDR`, repeatable)", DefaultText: "everybody"},
		),
		cmdline.Flags("Loss",
			&cli.DurationFlag{Name: "latency", DefaultText: "about three round trips",
				Usage: "how long (`TIME`) a complete frame may wait for an older one that is being repaired"},
			feedbackFlag("report to senders, and ask for what is missing"),
			&cli.BoolFlag{Name: "no-gro",
				Usage: "receive each datagram by itself, for kernels where receiving many at once is broken"},
		),
		keyFlags("take only streams that are sealed with this key (repeatable)"),
		cmdline.Flags("Sinks",
			&cli.BoolFlag{Name: "show", Usage: "open a window for each stream; q or Esc closes it"},
			&cli.BoolFlag{Name: "term", Usage: "draw the picture in this terminal"},
			&cli.StringSliceFlag{Name: "out", TakesFile: true,
				Usage: "write to (`OUT`) a file, directory, pipe or camera device (repeatable)"},
			&cli.StringFlag{Name: "stream", Usage: "the stream (`NAME`) that --out and --term take",
				DefaultText: "one that sends steadily; of a directory: all"},
			&cli.BoolFlag{Name: "force", Usage: "overwrite files that exist"},
			&cli.StringSliceFlag{Name: "new-file", Usage: "begin a new recording after `LIMIT`: a time such as 10m, " +
				"a size such as 500MB, or both (repeatable)"},
			&cli.StringSliceFlag{Name: "keep", Usage: "delete the oldest files of a recording beyond `LIMIT`: a time such as 7d, " +
				"a size such as 50GB, or both (repeatable)"},
			&cli.StringFlag{Name: "keep-free", Usage: "delete the oldest files of a recording to keep `SIZE` of the disk free, " +
				"such as 2GB"},
			&cli.StringFlag{Name: "record-as", Usage: "the `FORMAT` of recordings in a directory: mjpg or mkv",
				DefaultText: "mjpg"},
			&cli.DurationFlag{Name: "snapshot-every", Usage: "replace --out pic.jpg once in this `TIME`; " +
				"in a directory, write one picture of each stream as often", DefaultText: "every frame"},
			&cli.StringFlag{Name: "camera-as", DefaultText: "yuyv",
				Usage: "the `FORMAT` of pictures for a camera device: yuyv, which " +
					"all programs read, or mjpg, which needs no decoding here"},
			maxPixelsFlag("show no picture of more than `N` pixels in a window, a terminal or a page"),
		),
		httpFlags(""),
		hubClientFlags("publish the streams at this hub"),
		cmdline.Flags("While it runs", framesFlag()),
		runningFlags(),
	)
}

// anyAddress is the default of --addr: all addresses of this machine.
var anyAddress = fmt.Sprintf(":%d", protocol.DefaultPort)

func recv(c *cli.Context) error {
	config, err := receiverConfig(c)
	if err != nil {
		return err
	}
	wanted, err := wishOf(c)
	if err != nil {
		return err
	}
	if err := checkOutputs(c); err != nil {
		return err
	}
	if checking(c) {
		_, err := sinkOptions(c)
		_, ofHub := hubOf(c)
		return cmp.Or(err, ofHub, checkServer(c, ""))
	}
	s, ctx := newSession(c, slices.Contains(cmdline.List(c, "out"), "-"))
	config.Log = s.log
	warnOfKeys(c, s.log)
	ctx, end := context.WithCancel(ctx)
	defer end()
	invite := newInvitation(c)
	to, err := openOutputs(c, s, invite.hints, end)
	if err != nil {
		return err
	}
	if err := to.openHub(ctx, c, s); err != nil {
		to.close()
		return err
	}
	from, err := openReceiver(ctx, c, config, wanted)
	if err != nil {
		to.close()
		return err
	}
	defer from.Close()
	if to.hub != nil {
		to.hub.receiveFrom(from)
	}
	parts, ctx := errgroup.WithContext(ctx)

	to.announce()
	invite.asked = func() []string { return askedOf(from.Subscriptions()) }
	if listens(c, wanted) {
		s.log.Info("listening", "addr", from.LocalAddr(), "wire", config.Wire)
		invite.listens(c.String("addr"), from.LocalAddr())
	}
	search := discovery.Config{Interface: c.String("interface"), Log: s.log}
	if config.Wire != protocol.WireClassic {
		invite.found = (&lookout{ctx: ctx, config: search}).streams
	}
	if to.server != nil {
		invite.pages = to.server.pages
	}
	work := newReceiving(s, from, to)
	work.invite = invite
	if !wanted.empty() {
		s.log.Info("subscribing", "from", wanted.String())
		work.idle = "waiting for a stream from " + wanted.String()
	}
	work.untimed = config.Wire == protocol.WireClassic
	watch := s.watch(work)
	parts.Go(func() error {
		defer end()
		return receive(ctx, from, uint64(c.Int("frames")), func(f protocol.Frame, now time.Time) {
			work.note(f, now)
			to.put(f, now)
		})
	})
	if wanted.searches() {
		parts.Go(func() error { return wanted.seek(ctx, from, search, config.Keys, false) })
	}
	if to.server != nil {
		to.server.ReceiveFrom(from)
		parts.Go(func() error { return to.server.serve(ctx) })
	}
	if to.window != nil {
		err := to.window.Run(ctx) // in the main goroutine: windows need that
		parts.Go(func() error { return err })
		if to.leave() > 0 && ctx.Err() == nil {
			s.log.Info("the window is closed")
		}
	}
	err = parts.Wait()
	watch.stop()
	err = cmp.Or(err, to.close())
	watch.end(err)
	return err
}

// receive calls put with each frame and the time at which it came. It ends with the receiver, with ctx, or after limit
// frames if limit is not 0.
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

// receiverConfig returns what the flags say about receiving.
func receiverConfig(c *cli.Context) (config receiver.Config, err error) {
	config.Deadline, config.Latency = c.Duration("deadline"), c.Duration("latency")
	if c.IsSet("latency") && config.Latency <= 0 {
		config.Latency = -1 // not at all
	}
	config.OneWay, config.NoGRO = !c.Bool("feedback"), c.Bool("no-gro")
	config.Wire, _ = protocol.ParseWire(c.String("wire")) // checkFlags has seen it
	if config.Keys, err = keysOf(c); err != nil {
		return config, err
	}
	for _, text := range cmdline.List(c, "from-net") {
		network, err := networkOf(text)
		if err != nil {
			return config, cmdline.Usagef("--from-net %q: give a network such as 192.168.1.0/24, or an address", text)
		}
		config.From = append(config.From, network)
	}
	config.Interface, err = interfaceOf(c)
	return config, err
}

// listens reports whether the receiver waits for senders that come to it: not if it goes to them, unless it is told to.
func listens(c *cli.Context, wanted wish) bool { return wanted.empty() || c.IsSet("addr") }

// openReceiver opens the receiver, on the address of --addr or on a port of its own, and subscribes to what is wanted.
func openReceiver(ctx context.Context, c *cli.Context, config receiver.Config, wanted wish) (
	r *receiver.Receiver, err error) {
	if listens(c, wanted) {
		r, err = listen(ctx, c, config)
	} else {
		r, err = receiver.Subscribe(ctx, config)
	}
	if err != nil {
		return nil, err
	}
	if err := wanted.subscribe(ctx, r); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// listen opens the receiver on the address of --addr.
func listen(ctx context.Context, c *cli.Context, config receiver.Config) (*receiver.Receiver, error) {
	addr, err := addressOf("addr", cmp.Or(c.String("addr"), anyAddress))
	if err != nil {
		return nil, err
	}
	r, err := receiver.Listen(ctx, config, addr)
	if err != nil {
		return nil, explainListening("addr", addr, err)
	}
	if fallenBack(addr, r.LocalAddr()) {
		config.Log.Warn("this machine has no IPv6: udpcam listens on IPv4 only", "addr", r.LocalAddr())
	}
	return r, nil
}

// fallenBack reports whether the user asked for all IPv6 addresses, but got is an IPv4 address. Then this machine has no
// IPv6.
func fallenBack(asked string, got netip.AddrPort) bool {
	wanted, err := netip.ParseAddrPort(asked)
	return err == nil && wanted.Addr() == netip.IPv6Unspecified() && got.Addr().Is4()
}

const sinkHelp = `--show             a window for each stream, in a build with OpenCV
--term             this terminal: kitty graphics, sixels, or half blocks
--http :8080       browsers: a page, MJPEG streams, snapshots
--out frames.mjpg  a recording: JPEGs one after another, as ffmpeg reads them
--out film.mkv     a recording with times, for players such as VLC
--out pic.jpg      the newest picture, always whole
--out DIR/         a recording of each stream
--out -            standard output; or a named pipe by its path
--out v4l2:/dev/video9  a camera for other programs, by v4l2loopback
--hub URL          other sites: see udpcam hub
`
