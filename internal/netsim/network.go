// Package netsim simulates a network in memory. A [Path] says how datagrams are delayed, lost, duplicated or damaged.
// The same seed and the same traffic always give the same result. Tests connect sender and receiver with it, without
// sockets.
//
// There are two kinds. A [Network] connects any number of conns and uses package time, which a testing/synctest bubble
// simulates. A [World] has its own simulated time, for programs.
package netsim

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"udpcam/protocol"
)

// A Network connects conns. Any goroutine may call its methods.
//
//	Conn.Send -> Crossing (loss, bottleneck, delay) -> schedule of arrivals at the other Conn -> Conn.Receive
type Network struct {
	mu        sync.Mutex // guards its conns' fields too
	seed      uint64
	path      Path
	paths     map[Route]*Crossing
	conns     map[netip.AddrPort]*Conn
	crossings uint64 // made so far
	stats     Stats
}

// A Route is one direction between two conns.
type Route struct{ From, To netip.AddrPort }

// Stats counts what happened to datagrams.
type Stats struct {
	Sent                uint64
	Lost                uint64 // by chance
	Queue               uint64 // dropped because a bottleneck's queue was full
	Duplicated, Damaged uint64
	Bytes               uint64 // of payload, sent
}

// New returns a network with the path p between every two conns. Each direction has its own queue and losses. SetPath and
// Share change single routes.
func New(seed uint64, p Path) *Network {
	return &Network{seed: seed, path: p, paths: map[Route]*Crossing{}, conns: map[netip.AddrPort]*Conn{}}
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
	delete(n.paths, routes[0])
	shared := n.crossing(routes[0], p)
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

// Stats returns the counts so far.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
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

var _ protocol.Conn = (*Conn)(nil)

// A Conn is one end of a network. It implements [protocol.Conn].
type Conn struct {
	network  *Network
	addr     netip.AddrPort
	arrivals Schedule[protocol.Batch]
	deadline time.Time
	closed   bool
	changed  chan struct{} // closed and replaced when any of the above changes
}

// Send implements [protocol.Conn]. Datagrams to an address at which nobody listens are lost.
func (c *Conn) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	n := c.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	path, peer := n.crossing(Route{c.addr, to}, n.path), n.conns[to]
	for _, d := range datagrams {
		size := len(d[0]) + len(d[1])
		arrivals, fate := path.Cross(time.Now(), size)
		n.stats.Sent++
		n.stats.Bytes += uint64(size)
		switch fate {
		case Lost:
			n.stats.Lost++
		case Full:
			n.stats.Queue++
		}
		n.stats.Duplicated += uint64(max(0, len(arrivals)-1))
		for _, at := range arrivals {
			b := slices.Concat(d[0], d[1])
			if path.Mangle(b) {
				n.stats.Damaged++
			}
			if peer != nil {
				peer.arrivals.Put(at, protocol.Batch{Bytes: b, Size: size, From: c.addr, At: at})
			}
		}
	}
	if peer != nil {
		peer.notify()
	}
	return nil
}

// Receive implements [protocol.Conn].
func (c *Conn) Receive() ([]protocol.Batch, error) {
	n := c.network
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		now := time.Now()
		if c.closed {
			return nil, net.ErrClosed
		}
		if !c.deadline.IsZero() && !now.Before(c.deadline) {
			return nil, os.ErrDeadlineExceeded
		}
		if b, ok := c.arrivals.Due(now); ok {
			return []protocol.Batch{b}, nil
		}
		until, ok := c.arrivals.Next()
		if !ok || !c.deadline.IsZero() && c.deadline.Before(until) {
			until = c.deadline
		}
		var timeout <-chan time.Time
		if !until.IsZero() {
			timeout = time.After(until.Sub(now))
		}
		changed := c.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
		}
		n.mu.Lock()
	}
}

// SetReceiveDeadline implements [protocol.Conn].
func (c *Conn) SetReceiveDeadline(t time.Time) error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	c.deadline = t
	c.notify()
	return nil
}

// LocalAddr implements [protocol.Conn].
func (c *Conn) LocalAddr() netip.AddrPort { return c.addr }

// Close implements [protocol.Conn]. The address is free again afterwards.
func (c *Conn) Close() error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.network.conns[c.addr] == c {
		delete(c.network.conns, c.addr)
	}
	c.closed = true
	c.notify()
	return nil
}

func (c *Conn) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}
