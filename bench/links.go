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
	LinkVeth  = "veth"  // nothing between network namespaces: it emulates no network but Undisturbed
)

// ErrLink is a kind of link that there is not.
var ErrLink = errors.New("no such link")

// endpoints are the two ends of a link, and the time there.
type endpoints struct {
	clock protocol.Clock
	pairs []pair // one for each camera
	// change has the network be another from now on.
	change func(netem string) error
	// cpu is how much CPU time of this process has gone into anything but the link; nil where time is simulated.
	cpu func() time.Duration
	// play runs tasks, such as a camera, to their ends, or until ctx is done. Afterwards nothing crosses the link any more.
	play  func(ctx context.Context, tasks []func())
	close func()
}

// A pair is a camera's conn and its receiver's, each on its side of the link.
type pair struct {
	sender, receiver protocol.Conn
	to               netip.AddrPort // the receiver's address
}

// An opener opens a link over a network, for so many cameras. What the first of them sends is noted by the recorder, which
// may be nil.
type opener func(n Network, seed uint64, cameras int, recorder *trace.Recorder) (*endpoints, error)

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

// firstOnly is the recorder of a camera: that of the first, and none of the others.
func firstOnly(recorder *trace.Recorder, camera int) *trace.Recorder {
	if camera > 0 {
		return nil
	}
	return recorder
}

// simulated is the path that does what netem is told.
func simulated(netem string) (netsim.Path, error) {
	path, err := netsim.ParseNetem(netem)
	path.MTU = mtu
	return path, err
}

// port is where the first camera's receiver listens; the next listens at the next.
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
