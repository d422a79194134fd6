package main

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
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
			&cmdline.ListFlag{GenericFlag: cli.GenericFlag{Name: "from",
				Usage: "subscribe to this sender (`HOST[:PORT]`, repeatable), where udpcam send --listen runs"}},
			&cli.StringFlag{Name: "receive", Usage: "take what is sent to this address (`[HOST]:PORT`), as by udpcam send --addr"},
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
		return cmdline.Usagef("there is nowhere to send to: let receivers come with --listen, or give an address, such as --addr 192.168.1.20")
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
	s, ctx := newSession(c, false)
	in.Log, out.Log = s.log, s.log
	warnOfKeys(c, s.log)
	r := &relaying{config: out, addrs: addrs, keys: map[protocol.KeyID]protocol.Key{}, linger: c.Duration("linger"),
		rarely: rate.Sometimes{Interval: time.Second}}
	for _, k := range in.Keys {
		if other, taken := r.keys[k.ID()]; taken && other != k {
			return cmdline.Usagef("two of the keys have the same ID, %v: make another one with udpcam key", k.ID())
		}
		r.keys[k.ID()] = k
	}
	if listen != "" {
		port, err := openPort(ctx, listen, sender.PortConfig{MaxSubscribers: c.Int("max-subscribers"), NoGSO: out.NoGSO,
			Keys: append(in.Keys[:len(in.Keys):len(in.Keys)], make([]protocol.Key, max(0, 1-len(in.Keys)))...), Log: s.log})
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
	r.receiving = newReceiving(s, from, nil)
	r.idle = "waiting for a stream"
	for _, w := range wanted {
		r.idle += " from " + w.Addr
	}
	if text := c.String("receive"); text != "" {
		s.log.Info("receiving", "addr", from.LocalAddr())
		r.idle += " on " + from.LocalAddr().String()
	}
	if r.config.Port != nil {
		s.log.Info("listening", "addr", r.config.Port.LocalAddr())
	}
	watch := s.watch(r)
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return receive(ctx, from, 0, r.put) })
	parts.Go(func() error { return r.tidy(ctx) })
	for _, w := range wanted {
		parts.Go(func() error {
			r.asked(ctx, w)
			return r.fetch(ctx, w)
		})
	}
	err = parts.Wait()
	watch.stop()
	watch.end(err)
	r.close()
	return err
}

// relayInputs returns what --from names. It checks that there is an input at all.
func relayInputs(c *cli.Context) (wanted []receiver.Subscription, err error) {
	for _, text := range cmdline.List(c, "from") {
		addr, err := addressOf("from", text)
		if err != nil {
			return nil, err
		}
		if host, port, _ := net.SplitHostPort(addr); host == "" || port == "0" {
			return nil, cmdline.Usagef("--from %q: give the host that the streams come from, such as 192.168.1.7", text)
		}
		if this := (receiver.Subscription{Addr: addr}); !slices.Contains(wanted, this) {
			wanted = append(wanted, this)
		}
	}
	if receive := c.String("receive"); receive != "" {
		if _, err := addressOf("receive", receive); err != nil {
			return nil, err
		}
		if receive == c.String("listen") && !strings.HasSuffix(receive, ":0") {
			return nil, cmdline.Usagef("--receive and --listen are both %s: give them two ports", receive)
		}
	} else if len(wanted) == 0 {
		return nil, cmdline.Usagef("no streams to pass on: give the address of udpcam send --listen, such as --from 192.168.1.7, " +
			"or take what is sent here with --receive :5000")
	}
	return wanted, nil
}

// openRelayInput opens the receiver of a relay, and subscribes. So an address that does not exist is told of now, and the
// streams are known from the start.
func openRelayInput(ctx context.Context, config receiver.Config, receive string, wanted []receiver.Subscription) (
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
	for _, w := range wanted {
		if err := from.Subscribe(ctx, w); err != nil {
			from.Close()
			return nil, err
		}
	}
	return from, nil
}
