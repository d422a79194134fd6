// Package netsim is a network that lives in memory: datagrams that are sent at one end come out of another as late, as
// often and as damaged as the [Path] between them says. With the same seed and the same traffic the same thing happens
// each time. Sender and receiver meet on it in tests without a socket.
//
// There are two: a [Network] connects any number of conns and measures time by package time, which in a testing/synctest
// bubble is simulated; a [World] brings its own simulated time, for programs.
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

// A Network connects conns. Its methods are for any goroutine.
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

// Stats counts what a network has done with datagrams.
type Stats struct {
	Sent, Delivered     uint64
	Lost                uint64 // by chance
	Queue               uint64 // dropped because a bottleneck's queue was full
	Buffer              uint64 // dropped because the receiving conn's buffer was full
	Unknown             uint64 // sent to an address at which nobody listens
	Duplicated, Damaged uint64
	Bytes               uint64 // of payload, sent
}

// New returns a network in which all pairs of conns have such a path between them, in each direction one of its own, unless
// SetPath or Share says something else.
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
// Routes that share it have it changed for all of them.
func (n *Network) SetPath(from, to netip.AddrPort, p Path) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.crossing(Route{from, to}, p).SetPath(time.Now(), p)
}

// Share has several routes share one path from now on, and so the queue before its bottleneck: as cameras do that are
// behind one uplink.
func (n *Network) Share(p Path, routes ...Route) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.crossings++
	shared := NewCrossing(p, n.seed, n.crossings)
	for _, r := range routes {
		n.paths[r] = shared
	}
}

// crossing returns a route's path in use. If it is not in use yet it is p, in which chance is its own.
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

// Stats returns what has been counted so far.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Close ends the network; what is in flight is lost.
func (n *Network) Close() { close(n.done) }

// send puts a datagram on its way. The network owns b from here on.
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

// deliver hands over datagrams when their time has come.
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
