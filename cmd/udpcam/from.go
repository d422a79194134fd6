package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/receiver"
)

// everything is what --from names for all streams on this network.
const everything = "all"

func fromFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "from", Usage: "go to a camera that listens (`WHERE`): its HOST[:PORT], " +
		"the name of a stream, or all on this network (repeatable)"}
}

// A wish is what --from names.
type wish struct {
	addrs []string // HOST:PORT
	names []string // of streams, to be found on this network
	all   bool     // all streams on this network are wanted
}

func (w wish) empty() bool { return len(w.addrs)+len(w.names) == 0 && !w.all }

// searches reports whether something has to be found on this network.
func (w wish) searches() bool { return w.all || len(w.names) > 0 }

// wishOf reads --from. What can be no name of a stream is an address: it has a port or a dot. A word without them is the
// name of a stream. If it is also the name of a host, that host is asked too.
func wishOf(c *cli.Context) (w wish, err error) {
	for _, text := range cmdline.List(c, "from") {
		_, notIP := netip.ParseAddr(strings.Trim(text, "[]"))
		switch {
		case text == "":
			return w, cmdline.Usagef("--from is empty: give an address, the name of a stream, or %s", everything)
		case text == everything:
			w.all = true
		case notIP == nil, strings.Contains(text, ":"), strings.Contains(text, ".") && !strings.Contains(text, " "):
			addr, err := addressOf("from", text)
			if err != nil {
				return w, err
			}
			switch host, port, _ := net.SplitHostPort(addr); {
			case host == "":
				return w, cmdline.Usagef("--from %q: name a host, such as 192.168.1.7", text)
			case port == "0":
				return w, cmdline.Usagef("--from %q: the port has to be 1 to 65535", text)
			}
			w.addrs = append(w.addrs, addr)
		default:
			w.names = append(w.names, text)
		}
	}
	switch {
	case w.empty():
	case c.String("wire") == string(protocol.WireClassic):
		return w, cmdline.Usagef("--from and --wire classic contradict: on the classic wire nobody can ask for a stream")
	case c.IsSet("feedback") && !c.Bool("feedback"):
		return w, cmdline.Usagef("--from and --feedback=false contradict: whoever asks for a stream has to send")
	}
	return w, nil
}

// String says what is wanted.
func (w wish) String() string {
	all := append(append([]string(nil), w.addrs...), w.names...)
	if w.all {
		all = append(all, "all cameras on this network")
	}
	return strings.Join(all, ", ")
}

// subscribe subscribes to the addresses of a wish. Names are looked up as hosts too, but need not be any.
func (w wish) subscribe(ctx context.Context, r *receiver.Receiver) error {
	for _, addr := range w.addrs {
		if err := r.Subscribe(ctx, receiver.Subscription{Addr: addr}); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	for _, name := range w.names {
		if !strings.Contains(name, " ") {
			host := net.JoinHostPort(name, strconv.Itoa(protocol.DefaultPort))
			go r.Subscribe(ctx, receiver.Subscription{Addr: host}) // no such host: then it is the name of a stream alone
		}
	}
	return nil
}
