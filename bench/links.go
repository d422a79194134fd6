package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
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
	LinkVeth  = "veth"  // a plain cable between network namespaces, for Undisturbed only
)

// ErrLink is an unknown kind of link.
var ErrLink = errors.New("no such link")

// endpoints are the two ends of a link and its clock.
type endpoints struct {
	clock protocol.Clock
	pairs []pair // one for each camera
	// change changes the network.
	change func(netem string) error
	// cpu is the CPU time of this process, without the link's own. It is nil if time is simulated.
	cpu func() time.Duration
	// play runs tasks until all end or ctx is done. After that the link carries nothing.
	play  func(ctx context.Context, tasks []func())
	close func()
}

// A pair is the conns of a camera and its receiver, one on each side of the link.
type pair struct {
	sender, receiver protocol.Conn
	to               netip.AddrPort // the receiver's address
}

// An opener opens a link over a network for some cameras. The recorder may be nil. It records the first camera only.
type opener func(n Network, seed uint64, cameras int, recorder *trace.Recorder) (*endpoints, error)

// linkNamed returns the opener of a kind of link.
func linkNamed(name string) (opener, error) {
	switch name {
	case LinkSim:
		return openSim, nil
	case LinkNetem, LinkTun:
		return cableOpener(name), nil
	}
	return nil, fmt.Errorf("%w: %q: choose from %s", ErrLink, name, strings.Join([]string{LinkSim, LinkNetem, LinkTun}, ", "))
}

// mtu is the largest packet of any link in bytes, as on Ethernet.
const mtu = 1500

// openSim opens a link in simulated time.
func openSim(n Network, seed uint64, cameras int, recorder *trace.Recorder) (*endpoints, error) {
	path, err := simulated(n.Netem)
	if err != nil {
		return nil, err
	}
	w := netsim.NewWorld()
	l := &endpoints{
		clock: w,
		play: func(ctx context.Context, tasks []func()) {
			for _, task := range tasks {
				w.Go(task)
			}
			w.Run(func() bool { return ctx.Err() != nil })
		},
		close: func() {},
	}
	var first [2]*netsim.End
	for i := range cameras {
		recorder := firstOnly(recorder, i)
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
		path, err := simulated(netem)
		if err == nil {
			first[0].SetPath(path)
			first[1].SetPath(path)
		}
		return err
	}
	return l, nil
}

// firstOnly returns a camera's recorder. It is nil for all but the first camera.
func firstOnly(recorder *trace.Recorder, camera int) *trace.Recorder {
	if camera > 0 {
		return nil
	}
	return recorder
}

// simulated returns the path for netem's arguments.
func simulated(netem string) (netsim.Path, error) {
	path, err := netsim.ParseNetem(netem)
	path.MTU = mtu
	return path, err
}

// port is the port of the first camera. The next camera has the next port.
const port = 12345

// cableOpener opens links of a kind between network namespaces.
func cableOpener(kind string) opener {
	return func(n Network, seed uint64, cameras int, recorder *trace.Recorder) (*endpoints, error) {
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
			close: func() { cable.Close() },
		}
		for i := range cameras {
			recorder := firstOnly(recorder, i)
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
