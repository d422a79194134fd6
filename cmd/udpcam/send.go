package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/protocol/discovery"
	"udpcam/sender"
	"udpcam/sender/source"
)

func sendCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "send",
		Usage:     "send a camera or another source of pictures to receivers",
		UsageText: "udpcam send --addr HOST[:PORT]|--listen [ADDR] [--source SOURCE] [flags]",
		Description: cmdline.Examples(
			"udpcam send --addr 192.168.1.20", "the first camera that works",
			"udpcam send --listen", "the same, for receivers that come: udpcam recv --from THIS-MACHINE",
			"udpcam send --addr pc.local:12345 --source test:", "a test pattern, no camera needed",
			"udpcam send --addr 239.1.2.3 --source http://cam/video.mjpg", "an IP camera to a multicast group",
			"udpcam send --addr pc --source /dev/video0 --source /dev/video2", "two cameras; --name door --name yard names them",
			"ffmpeg -re -i film.mp4 -f mjpeg - | udpcam send --addr pc --source -", "any program that writes JPEGs",
			"udpcam send --addr pc --source rtsp://cam/1", "what ffmpeg reads, if it is installed",
		) + "\nSources:\n" + cmdline.Indent(source.Help()),
		Action: send,
	},
		cmdline.Flags("Receivers",
			&cli.StringSliceFlag{Name: "addr",
				Usage: "send to (`HOST[:PORT]`) a name, an IP address or a multicast group (repeatable)"},
			&cmdline.ListFlag{GenericFlag: cli.GenericFlag{Name: "name", Aliases: []string{"stream"},
				Usage:       "the stream's `NAME`; repeatable, one for each --source",
				DefaultText: "from this host's name and the source"}},
			wireFlag(),
			&cli.IntFlag{Name: "segment", Usage: "at most `N` bytes of a frame in each datagram", DefaultText: fmt.Sprintf(
				"%d, less if the path takes less; classic: %d", protocol.DefaultSegmentSize, protocol.ClassicSegmentSize)},
			interfaceFlag(),
			&cli.IntFlag{Name: "ttl", Usage: "how many networks (`N`) multicast may reach; 1 is this one alone", Value: 1},
		),
		portFlags("without --addr: close the source this `TIME` after the last receiver left"),
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
		sourceFlags(&cmdline.ListFlag{GenericFlag: cli.GenericFlag{Name: "source", TakesFile: true,
			Usage: "where pictures come from (`SOURCE`, repeatable)", DefaultText: source.Default()}}),
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
	streams, err := streamsOf(cmdline.List(c, "source"), cmdline.List(c, "name"))
	if err != nil {
		return err
	}
	config, err := senderConfig(c)
	if err != nil {
		return err
	}
	addrs, err := receiversOf(c)
	if err != nil {
		return err
	}
	listen, err := listenAddr(c)
	if err != nil {
		return err
	}
	for _, flag := range uploadOnly {
		// A variable such as UDPCAM_TOKEN may be there for udpcam recv.
		if c.IsSet(flag) && os.Getenv(cmdline.Variable(flag)) == "" && !slices.ContainsFunc(streams, stream.isUpload) {
			return cmdline.Usagef("--%s is for cameras that post their pictures: it needs --source post://:8081/", flag)
		}
	}
	for _, flag := range ipCameraOnly {
		if c.IsSet(flag) && os.Getenv(cmdline.Variable(flag)) == "" &&
			!slices.ContainsFunc(streams, func(s stream) bool { return isIPCamera(s.source) }) {
			return cmdline.Usagef("--%s is for IP cameras: it needs --source http://HOST/ or https://HOST/", flag)
		}
	}
	if checking(c) {
		for _, this := range streams {
			if _, err := openSource(c, cmp.Or(this.source, source.Default()), source.Options{}); err != nil {
				return err
			}
		}
		return nil
	}
	s, ctx := newSession(c, false)
	warnOfKeys(c, s.log)
	if config.Wire != protocol.WireClassic {
		defer claimNames(streams, func(name string) {
			s.log.Warn("another sender on this host has this name: receivers may take one for the other", "name", name)
		}).release()
	}
	if listen != "" {
		port, err := openPort(ctx, listen, sender.PortConfig{
			MaxSubscribers: c.Int("max-subscribers"),
			Fragments:      config.SegmentSize != 0,
			NoGSO:          config.NoGSO,
			Log:            s.log,
		})
		if err != nil {
			return err
		}
		defer port.Close()
		config.Port = port.Port
	}
	parts, ctx := errgroup.WithContext(ctx)
	var cameras []*camera
	var subjects []subject
	for _, this := range streams {
		w, err := openCamera(ctx, c, this, len(streams) > 1, config, addrs, s)
		if err != nil {
			return err
		}
		defer w.to.Close()
		cameras, subjects = append(cameras, w), append(subjects, w)
	}
	if config.Port != nil {
		s.log.Info("listening", "addr", config.Port.LocalAddr(), "streams", len(streams))
	}
	watch := s.watch(subjects...)
	if port := config.Port; port != nil && !c.Bool("hidden") && !port.LocalAddr().Addr().IsLoopback() {
		ctx, end := context.WithCancel(ctx)
		var offering sync.WaitGroup
		offering.Go(func() {
			offer(ctx, s.log, c.String("interface"), func() []discovery.Service { return offered(port.LocalAddr(), cameras) })
		})
		defer func() { end(); offering.Wait() }()
	}
	for _, w := range cameras {
		parts.Go(func() error { return w.named(w.run(ctx)) })
	}
	err = parts.Wait()
	watch.end(err)
	return err
}

// openCamera opens one of the streams of send, as far as it goes without starting the source.
func openCamera(ctx context.Context, c *cli.Context, this stream, several bool, config sender.Config, addrs []string,
	s *session) (*camera, error) {

	if several {
		s = s.part("stream", cmp.Or(this.name, source.Redact(this.source)))
	}
	name := cmp.Or(this.source, source.Default())
	w := &camera{
		session: s,
		name:    this.name,
		source:  source.Redact(name),
		key:     config.Key,
		wire:    config.Wire,
		limit:   uint64(c.Int("frames")),
		several: several,
		last:    progress{Time: s.began},
		made:    progress{Time: s.began},
		rate:    rateAsked(c),
	}
	var err error
	w.src, err = openSource(c, name, source.Options{
		Pressure: func() float64 { return w.to.Pressure() }, // the source calls it only once it runs
		Skip:     s.skipped.count,
		Encoded:  w.encoding.note,
		Log:      s.log,
	})
	if err == nil {
		config.Name, config.Log = this.name, s.log
		w.to, err = sender.Dial(ctx, config, addrs...)
	}
	if err != nil {
		return nil, w.named(err)
	}
	w.onDemand = len(addrs) == 0 && w.src.OnDemand()
	w.watched, w.linger = w.to.Watched, c.Duration("linger")
	return w, nil
}

func receiversOf(c *cli.Context) (addrs []string, err error) {
	for _, text := range cmdline.List(c, "addr") {
		addr, err := addressOf("addr", text)
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
	if len(addrs) == 0 && c.String("listen") == "" {
		return nil, cmdline.Usagef("--addr is missing: give the receiver's address, such as --addr 192.168.1.20, " +
			"or let receivers come with --listen")
	}
	return addrs, nil
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
	switch config.Wire {
	case protocol.WireClassic:
		if len(cmdline.List(c, "name")) > 0 {
			return config, cmdline.Usagef("--name and --wire classic contradict: the classic wire carries no names")
		}
		if c.IsSet("fec") && config.FEC != sender.FECOff {
			return config, cmdline.Usagef("--fec and --wire classic contradict: the classic wire has no parity")
		}
		_, err = protocol.NewClassicSplitter(config.SegmentSize)
	default:
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
