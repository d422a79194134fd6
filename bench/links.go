package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"udpcam/bench/netns"
	"udpcam/bench/trace"
	"udpcam/protocol/datagram"
	"udpcam/protocol/netsim"
)

// The kinds of links.
const (
	LinkSim   = "sim"   // simulated time
	LinkNetem = "netem" // the kernel's emulation between network namespaces
	LinkTun   = "tun"   // our own emulation between network namespaces
	LinkVeth  = "veth"  // nothing between network namespaces: it emulates no network but Undisturbed
)

// ErrLink is a kind of link that there is not.
var ErrLink = errors.New("no such link")

// endpoints are the two ends of a link, and the time there.
type endpoints struct {
	clock            datagram.Clock
	sender, receiver datagram.Conn
	to               netip.AddrPort // the receiver's address
	// cpu is how much CPU time of this process has gone into anything but the link; nil where time is simulated.
	cpu func() time.Duration
	// play runs a camera to its end, or until ctx is done. Afterwards nothing crosses the link any more.
	play  func(ctx context.Context, camera func())
	close func()
}

// An opener opens a link over a network. What it sends is noted by the recorder, which may be nil.
type opener func(n Network, seed uint64, recorder *trace.Recorder) (*endpoints, error)

// linkNamed is how links of that kind are opened.
func linkNamed(name string) (opener, error) {
	switch name {
	case LinkSim:
		return openSim, nil
	case LinkNetem, LinkTun:
		return cableOpener(name), nil
	}
	return nil, fmt.Errorf("%w: %q: choose from %s", ErrLink, name, strings.Join([]string{LinkSim, LinkNetem, LinkTun}, ", "))
}

// mtu is how large the packets of all links are at the most: Ethernet's.
const mtu = 1500

// openSim opens a link in simulated time.
func openSim(n Network, seed uint64, recorder *trace.Recorder) (*endpoints, error) {
	path, err := netsim.ParseNetem(n.Netem)
	if err != nil {
		return nil, err
	}
	path.MTU = mtu
	w := netsim.NewWorld()
	a, b := w.Link(seed, path, func(d []byte, fate netsim.Fate) {
		recorder.Dropped(d, map[netsim.Fate]trace.Fate{netsim.Lost: trace.Lost, netsim.Full: trace.Full}[fate])
	})
	a.Read()
	b.Read()
	return &endpoints{
		clock:    w,
		sender:   recorder.Tap(a, w, false),
		receiver: recorder.Tap(b, w, true),
		to:       b.LocalAddr(),
		play: func(ctx context.Context, camera func()) {
			w.Go(camera)
			w.Run(func() bool { return ctx.Err() != nil })
		},
		close: func() {},
	}, nil
}

// port is where receivers listen.
const port = 12345

// cableOpener opens links of a kind between network namespaces.
func cableOpener(kind string) opener {
	return func(n Network, seed uint64, recorder *trace.Recorder) (*endpoints, error) {
		cable, err := plug(kind, n, seed)
		if err != nil {
			return nil, err
		}
		var a, b *datagram.UDP
		to := netip.AddrPortFrom(netns.AddrB, port)
		err = errors.Join(
			cable.A.Do(func() error {
				a, err = datagram.Open(context.Background(), to.Addr(), datagram.Options{NoGRO: true})
				return err
			}),
			cable.B.Do(func() error {
				b, err = datagram.Listen(context.Background(), to.String(), datagram.Options{})
				return err
			}))
		if err != nil {
			cable.Close()
			return nil, err
		}
		return &endpoints{
			clock:    datagram.SystemClock,
			sender:   recorder.Tap(a, datagram.SystemClock, false),
			receiver: recorder.Tap(b, datagram.SystemClock, true),
			to:       to,
			cpu:      func() time.Duration { return cpuTime() - cable.CPU() },
			play:     func(_ context.Context, camera func()) { camera() },
			close:    func() { cable.Close() },
		}, nil
	}
}

// plug makes a network of that kind between two machines.
func plug(kind string, n Network, seed uint64) (*netns.Cable, error) {
	switch kind {
	case LinkNetem:
		return netns.NewCable(n.Netem)
	case LinkVeth:
		return netns.NewDirect()
	}
	path, err := netsim.ParseNetem(n.Netem)
	if err != nil {
		return nil, err
	}
	return netns.NewTunnel(path, seed)
}
