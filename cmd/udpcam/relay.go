package main

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/protocol/discovery"
	"udpcam/receiver"
	"udpcam/sender"
)

func relayCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "relay",
		Usage:     "pass streams on: to many, across a router, out of a NAT",
		UsageText: "udpcam relay --from HOST|--receive [HOST]:PORT --listen [ADDR]|--addr HOST",
		Description: cmdline.Examples(
			"udpcam relay --from camera.local --listen", "the camera sends once, and many come here",
			"udpcam relay --from camera.local --addr example.org:5000", "out of a home, to a machine that all can reach",
			"udpcam relay --receive :5000 --listen", "there: for all who come",
			"udpcam relay --from cam1 --from cam2 --listen :6000", "the streams of two machines at one address",
		) + "\nStreams keep their names. A camera that others subscribe to is left while nobody wants its pictures.\n",
		Action: relay,
	},
		cmdline.Flags("Streams that come",
			fromFlag(),
			&cli.StringFlag{Name: "receive",
				Usage: "take what is sent to this address (`[HOST]:PORT`), as by udpcam send --addr"},
			&cli.StringSliceFlag{Name: "from-net", Usage: "take datagrams from this network alone: 192.168.1.0/24, or one " +
				"address (`CIDR`, repeatable)", DefaultText: "everybody"},
			&cli.BoolFlag{Name: "no-gro",
				Usage: "receive each datagram by itself, for kernels where receiving many at once is broken"},
		),
		cmdline.Flags("Streams that go",
			&cli.StringSliceFlag{Name: "addr",
				Usage: "send to (`HOST[:PORT]`) a name, an IP address or a multicast group (repeatable)"},
			interfaceFlag(),
			&cli.IntFlag{Name: "ttl", Usage: "how many networks (`N`) multicast may reach; 1 is this one alone", Value: 1},
			&cli.BoolFlag{Name: "no-gso", Usage: "send each datagram by its own system call, " +
				"for kernels and network cards where sending many at once is broken"},
		),
		portFlags("without --addr: leave the senders of --from this `TIME` after the last receiver left"),
		keyFlags("pass on only streams that are sealed with this key, and seal them with it again (repeatable)"),
		runningFlags(),
	)
}

func relay(c *cli.Context) error {
	wanted, err := relayInputs(c)
	if err != nil {
		return err
	}
	if c.String("listen") == "" && len(cmdline.List(c, "addr")) == 0 {
		return cmdline.Usagef("there is nowhere to send to: let receivers come with --listen, or give an address, " +
			"such as --addr 192.168.1.20")
	}
	in, err := receiverConfig(c)
	if err != nil {
		return err
	}
	in.OneWay = false
	out := sender.Config{TTL: c.Int("ttl"), NoGSO: c.Bool("no-gso"), Interface: in.Interface}
	addrs, err := receiversOf(c)
	if err != nil {
		return err
	}
	listen, err := listenAddr(c)
	if err != nil {
		return err
	}
	keys, portKeys, err := relayKeys(in.Keys)
	if err != nil || checking(c) {
		return err
	}
	s, ctx := newSession(c, false)
	in.Log, out.Log, in.Relay = s.log, s.log, rand.Uint32()|1 // not 0
	warnOfKeys(c, s.log)
	r := &relaying{config: out, addrs: addrs, id: in.Relay, keys: keys, wish: wanted, linger: c.Duration("linger"),
		search: discovery.Config{Interface: c.String("interface"), Log: s.log}, rarely: rate.Sometimes{Interval: time.Second}}
	if listen != "" {
		port, err := openPort(ctx, listen, sender.PortConfig{MaxSubscribers: c.Int("max-subscribers"), NoGSO: out.NoGSO,
			Keys: portKeys, Log: s.log})
		if err != nil {
			return err
		}
		defer port.Close()
		r.config.Port = port.Port
	}
	if len(addrs) > 0 { // tells now of an address that does not exist
		try, err := sender.Dial(ctx, out, addrs...)
		if err != nil {
			return err
		}
		try.Close()
	}
	from, err := openRelayInput(ctx, in, c.String("receive"), wanted)
	if err != nil {
		return err
	}
	defer from.Close()
	if port := r.config.Port; port != nil {
		for _, info := range from.Subscriptions() {
			if isOwn(info.From, port.LocalAddr()) {
				return cmdline.Usagef("--from %s is this relay itself: give the address of a camera", info.Addr)
			}
		}
	}
	r.receiving = newReceiving(s, from, nil)
	if !wanted.empty() {
		s.log.Info("subscribing", "from", wanted.String())
		r.idle = "waiting for a stream from " + wanted.String()
	}
	if c.String("receive") != "" {
		s.log.Info("receiving", "addr", from.LocalAddr())
	}
	watch := s.watch(r)
	parts, ctx := errgroup.WithContext(ctx)
	if port := r.config.Port; port != nil {
		s.log.Info("listening", "addr", port.LocalAddr())
		if !c.Bool("hidden") && !port.LocalAddr().Addr().IsLoopback() {
			parts.Go(func() error { offer(ctx, s.log, c.String("interface"), r.offered); return nil })
		}
	}
	parts.Go(func() error { return receive(ctx, from, 0, r.put) })
	parts.Go(func() error { return r.attend(ctx) })
	parts.Go(func() error { return r.tidy(ctx) })
	err = parts.Wait()
	watch.end(err)
	r.close()
	return err
}

// relayInputs returns what --from names. It checks that there is an input at all.
func relayInputs(c *cli.Context) (wanted wish, err error) {
	if wanted, err = wishOf(c); err != nil {
		return wanted, err
	}
	receive := c.String("receive")
	if receive == "" && wanted.empty() {
		return wanted, cmdline.Usagef("no streams to pass on: give the address of udpcam send --listen, " +
			"such as --from 192.168.1.7, or take what is sent here with --receive :5000")
	}
	if receive != "" {
		_, err = addressOf("receive", receive)
	}
	if err == nil && receive != "" && receive == c.String("listen") && !strings.HasSuffix(receive, ":0") {
		err = cmdline.Usagef("--receive and --listen are both %s: give them two ports", receive)
	}
	return wanted, err
}

// openRelayInput opens the receiver of a relay, and subscribes. So an address that does not exist is told of now, and the
// streams are known from the start.
func openRelayInput(ctx context.Context, config receiver.Config, receive string, wanted wish) (
	from *receiver.Receiver, err error) {

	if receive == "" {
		from, err = receiver.Subscribe(ctx, config)
	} else {
		addr, _ := addressOf("receive", receive) // relayInputs has seen it
		if from, err = receiver.Listen(ctx, config, addr); err != nil {
			err = explainListening("receive", addr, err)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := wanted.subscribe(ctx, from); err != nil {
		from.Close()
		return nil, err
	}
	return from, nil
}

// relayKeys returns the keys by their IDs, and those of the port: without a key, streams are open.
func relayKeys(keys []protocol.Key) (byID map[protocol.KeyID]protocol.Key, ofPort []protocol.Key, err error) {
	byID = map[protocol.KeyID]protocol.Key{}
	for _, k := range keys {
		if other, taken := byID[k.ID()]; taken && other != k {
			return nil, nil, cmdline.Usagef("two of the keys have the same ID, %v: make another one with udpcam key", k.ID())
		}
		byID[k.ID()] = k
	}
	if len(keys) == 0 {
		keys = []protocol.Key{{}}
	}
	return byID, keys, nil
}

// isOwn reports whether an address is that of a port on this machine.
func isOwn(addr, port netip.AddrPort) bool {
	if addr.Port() != port.Port() {
		return false
	}
	if here := port.Addr().Unmap(); !here.IsUnspecified() {
		return addr.Addr().Unmap() == here
	}
	all, _ := net.InterfaceAddrs()
	return addr.Addr().IsLoopback() || addr.Addr().IsUnspecified() || slices.ContainsFunc(all, func(a net.Addr) bool {
		own, ok := a.(*net.IPNet)
		return ok && own.IP.Equal(addr.Addr().WithZone("").AsSlice())
	})
}
