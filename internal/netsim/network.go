// Package netsim simulates a network in memory. A [Path] says how datagrams are delayed, lost, duplicated or damaged.
// The same seed and the same traffic always give the same result. Tests connect sender and receiver with it, without
// sockets.
//
// There are two kinds. A [Network] connects any number of conns and uses package time, which a testing/synctest bubble
// simulates. A [World] has its own simulated time, for programs.
//
//	Conn.Send -> Path (loss, bottleneck, delay) -> Network's schedule, one goroutine -> inbox of the other Conn
package netsim

import (
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// A Network connects conns. Any goroutine may call its methods.
type Network struct {
	mu        sync.Mutex
	seed      uint64
	path      Path
	paths     map[Route]*Crossing
	conns     map[netip.AddrPort]*Conn
	flight    Schedule[flying]
	crossings uint64        // made so far
	wake      chan struct{} // tells the delivering goroutine that something changed
	done      chan struct{}
	stats     Stats
}

// A Route is one direction between two conns.
type Route struct{ From, To netip.AddrPort }

// Stats counts what happened to datagrams.
type Stats struct {
	Sent, Delivered     uint64
	Lost                uint64 // by chance
	Queue               uint64 // dropped because a bottleneck's queue was full
	Buffer              uint64 // dropped because the receiving conn's buffer was full
	Unknown             uint64 // sent to an address at which nobody listens
	Duplicated, Damaged uint64
	Bytes               uint64 // of payload, sent
}

// New returns a network with the path p between every two conns. Each direction has its own queue and losses. SetPath and
// Share change single routes.
func New(seed uint64, p Path) *Network {
	n := &Network{
		seed:  seed,
		path:  p,
		paths: map[Route]*Crossing{},
		conns: map[netip.AddrPort]*Conn{},
		wake:  make(chan struct{}, 1),
		done:  make(chan struct{}),
	}
	go n.deliver()
	return n
}

// SetPath sets the path from one address to another, in this direction only. It may be in use: see [Crossing.SetPath].
// If several routes share the path, it changes for all of them.
func (n *Network) SetPath(from, to netip.AddrPort, p Path) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.crossing(Route{from, to}, p).SetPath(time.Now(), p)
}

// Share makes several routes share one path, with one queue before its bottleneck, like cameras behind one uplink.
func (n *Network) Share(p Path, routes ...Route) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.crossings++
	shared := NewCrossing(p, n.seed, n.crossings)
	for _, r := range routes {
		n.paths[r] = shared
	}
}

// crossing returns the crossing of a route. If there is none yet, it makes one of p with its own random numbers.
func (n *Network) crossing(r Route, p Path) *Crossing {
	c := n.paths[r]
	if c == nil {
		n.crossings++
		c = NewCrossing(p, n.seed, n.crossings)
		n.paths[r] = c
	}
	return c
}

// Listen returns a conn bound to an address.
func (n *Network) Listen(addr netip.AddrPort) (*Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[addr] != nil {
		return nil, fmt.Errorf("netsim: listen on %s: %w", addr, syscall.EADDRINUSE)
	}
	c := &Conn{network: n, addr: addr, changed: make(chan struct{})}
	n.conns[addr] = c
	return c, nil
}

// Stats returns the counts so far.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Close ends the network. Datagrams in flight are lost.
func (n *Network) Close() { close(n.done) }

// send sends a datagram. The network owns b from now on.
func (n *Network) send(from, to netip.AddrPort, b []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stats.Sent++
	n.stats.Bytes += uint64(len(b))
	p := n.crossing(Route{from, to}, n.path)
	arrivals, fate := p.Cross(time.Now(), len(b))
	switch fate {
	case Lost:
		n.stats.Lost++
	case Full:
		n.stats.Queue++
	}
	n.stats.Duplicated += uint64(max(0, len(arrivals)-1))
	for _, at := range arrivals {
		copied := append([]byte(nil), b...)
		if p.Mangle(copied) {
			n.stats.Damaged++
		}
		n.flight.Put(at, flying{from, to, copied})
	}
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// deliver hands each datagram over at its arrival time.
func (n *Network) deliver() {
	for {
		n.mu.Lock()
		now := time.Now()
		for f, ok := n.flight.Due(now); ok; f, ok = n.flight.Due(now) {
			n.arrive(f)
		}
		var next <-chan time.Time
		if at, ok := n.flight.Next(); ok {
			next = time.After(at.Sub(now))
		}
		n.mu.Unlock()
		select {
		case <-next:
		case <-n.wake:
		case <-n.done:
			return
		}
	}
}

func (n *Network) arrive(f flying) {
	c := n.conns[f.to]
	switch {
	case c == nil:
		n.stats.Unknown++
	case !c.put(f):
		n.stats.Buffer++
	default:
		n.stats.Delivered++
	}
}

// A flying datagram is under way.
type flying struct {
	from, to netip.AddrPort
	bytes    []byte
}
