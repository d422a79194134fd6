package bench

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"udpcam/internal/datagram"
	"udpcam/internal/netns"
	"udpcam/internal/netsim"
	"udpcam/internal/trace"
	"udpcam/protocol"
)

// The kinds of links.
const (
	LinkSim   = "sim"   // simulated time
	LinkNetem = "netem" // the kernel's emulation between network namespaces
	LinkTun   = "tun"   // our own emulation between network namespaces
	LinkVeth  = "veth"  // a plain cable between network namespaces, for Undisturbed and Fan only

	LinkLoopback = "loopback" // this machine alone, for Fan only
)

// FindLink returns the name of a kind of link for Matrix. The error wraps ErrName.
func FindLink(name string) (string, error) {
	return find("link", []string{LinkSim, LinkNetem, LinkTun}, func(link string) string { return link }, name)
}

// FindProcessLink returns the name of a kind of link for Comparison, whose processes need a real network. The error wraps
// ErrName.
func FindProcessLink(name string) (string, error) {
	return find("link", []string{LinkNetem, LinkTun, LinkVeth}, func(link string) string { return link }, name)
}

// FindFanLink returns the name of a kind of link for Fan. The error wraps ErrName.
func FindFanLink(name string) (string, error) {
	return find("link", []string{LinkLoopback, LinkVeth}, func(link string) string { return link }, name)
}

// endpoints are the two ends of a link and its clock.
type endpoints struct {
	clock protocol.Clock
	pairs []pair // one for each camera
	// change changes the network.
	change func(netem string) error
	// cpu is the CPU time of this process, without the link's own. It is 0 if time is simulated.
	cpu func() time.Duration
	// play runs tasks until all end or ctx is done. After that the link carries nothing.
	play  func(ctx context.Context, tasks []func())
	close func() error
}

// A pair is the conns of a camera and its receiver, one on each side of the link.
type pair struct {
	sender, receiver protocol.Conn
	to               netip.AddrPort // the receiver's address
}

// open opens a link of a kind. There is a recorder for each camera, nil for one that is not recorded.
func open(kind string, n Network, seed uint64, recorders []*trace.Recorder) (*endpoints, error) {
	if kind == LinkSim {
		return openSim(n, seed, recorders)
	}
	return openCable(kind, n, seed, recorders)
}

// openSim opens a link in simulated time.
func openSim(n Network, seed uint64, recorders []*trace.Recorder) (*endpoints, error) {
	path, err := netsim.ParseNetem(n.Netem)
	if err != nil {
		return nil, err
	}
	path.MTU = mtu
	w := netsim.NewWorld()
	l := &endpoints{
		clock: w,
		cpu:   func() time.Duration { return 0 },
		play: func(ctx context.Context, tasks []func()) {
			for _, task := range tasks {
				w.Go(task)
			}
			w.Run(func() bool { return ctx.Err() != nil })
		},
		close: func() error { return nil },
	}
	var first [2]*netsim.End
	for i, recorder := range recorders {
		a, b := w.Link(seed, path, func(d []byte, fate netsim.Fate) {
			recorder.Dropped(d, map[netsim.Fate]trace.Fate{netsim.Lost: trace.Lost, netsim.Full: trace.Full}[fate])
		})
		if i == 0 {
			first = [2]*netsim.End{a, b}
		}
		a.Share(first[0])
		b.Share(first[1])
		a.Read()
		b.Read()
		l.pairs = append(l.pairs, pair{recorder.Tap(a, w, false), recorder.Tap(b, w, true), b.LocalAddr()})
	}
	l.change = func(netem string) error {
		path, err := netsim.ParseNetem(netem)
		if err != nil {
			return err
		}
		path.MTU = mtu
		first[0].SetPath(path)
		first[1].SetPath(path)
		return nil
	}
	return l, nil
}

// mtu is the largest packet of any link in bytes, as on Ethernet.
const mtu = 1500

// port is the port of the first camera. The next camera has the next port.
const port = 12345

// openCable opens a link of a kind between network namespaces.
func openCable(kind string, n Network, seed uint64, recorders []*trace.Recorder) (*endpoints, error) {
	cable, err := plug(kind, n, seed)
	if err != nil {
		return nil, err
	}
	l := &endpoints{
		clock:  datagram.SystemClock,
		change: cable.Change,
		cpu:    func() time.Duration { return cpuTime() - cable.CPU() },
		play: func(_ context.Context, tasks []func()) {
			var group sync.WaitGroup
			for _, task := range tasks {
				group.Go(task)
			}
			group.Wait()
		},
		close: cable.Close,
	}
	for i, recorder := range recorders {
		var a, b *datagram.UDP
		to := netip.AddrPortFrom(netns.AddrB, port+uint16(i))
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
		l.pairs = append(l.pairs, pair{recorder.Tap(a, datagram.SystemClock, false), recorder.Tap(b, datagram.SystemClock, true), to})
	}
	return l, nil
}

// plug makes two machines with a network of that kind between them.
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
