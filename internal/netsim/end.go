package netsim

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"udpcam/protocol"
)

var _ protocol.Conn = (*End)(nil)

// An End is one end of a link in a World. It implements [protocol.Conn]. It ignores addresses: every datagram goes to the
// peer. It holds any number of datagrams until they are received.
type End struct {
	world *World
	addr  netip.AddrPort
	peer  *End
	path  *Crossing // to the peer
	drop  func(b []byte, fate Fate)

	inbox    []protocol.Batch
	deadline time.Time
	waits    uint64        // how often Receive has waited, odd while it does
	turn     chan struct{} // the reader's
	begun    bool          // whether the reader has had its first turn
	closed   bool
}

// AddrB is the address of a link's second end.
var AddrB = netip.MustParseAddrPort("10.0.0.2:2000")

var addrA = netip.MustParseAddrPort("10.0.0.1:1000")

// Link returns two ends with the same path in each direction. The seed decides the random losses. If drop is not nil, it
// is called for each datagram that gets lost, and owns b.
func (w *World) Link(seed uint64, p Path, drop func(b []byte, fate Fate)) (a, b *End) {
	a = &End{world: w, addr: addrA, path: NewCrossing(p, seed, 1), drop: drop, turn: make(chan struct{})}
	b = &End{world: w, addr: AddrB, path: NewCrossing(p, seed, 2), drop: drop, turn: make(chan struct{})}
	a.peer, b.peer = b, a
	return a, b
}

// SetPath changes the path to the peer while it is in use: see [Crossing.SetPath].
func (c *End) SetPath(p Path) { c.path.SetPath(c.world.now, p) }

// Share makes c send along the path of another end of the same world, so that both wait in one queue before the
// bottleneck. Datagrams still arrive at c's own peer.
func (c *End) Share(other *End) { c.path = other.path }

// Read tells the world that a task will receive from the end. The world begins only when this task is there.
func (c *End) Read() {
	c.world.readers++
	c.world.at(c.world.now, func() { c.world.give(c.turn) })
}

// Send implements [protocol.Conn].
func (c *End) Send(_ netip.AddrPort, datagrams [][2][]byte) error {
	if c.closed || c.world.isOver() {
		return net.ErrClosed
	}
	for _, d := range datagrams {
		b := slices.Concat(d[0], d[1])
		arrivals, fate := c.path.Cross(c.world.now, len(b))
		if fate != Arrives && c.drop != nil {
			c.drop(b, fate)
		}
		for _, at := range arrivals {
			copied := slices.Clone(b)
			c.path.Mangle(copied)
			c.world.at(at, func() { c.peer.put(copied) })
		}
	}
	return nil
}

// Receive implements [protocol.Conn].
func (c *End) Receive() ([]protocol.Batch, error) {
	if !c.begun {
		c.begun = true
		c.world.park(c.turn)
	}
	for {
		switch {
		case c.closed || c.world.isOver():
			return nil, net.ErrClosed
		case !c.deadline.IsZero() && !c.world.now.Before(c.deadline):
			return nil, os.ErrDeadlineExceeded
		case len(c.inbox) > 0:
			trains := c.inbox
			c.inbox = nil
			return trains, nil
		}
		c.waits++
		c.arm()
		c.world.park(c.turn)
	}
}

// arm schedules waking the waiting reader at the deadline.
func (c *End) arm() {
	if waits := c.waits; waits%2 == 1 && !c.deadline.IsZero() {
		c.world.at(c.deadline, func() {
			if c.waits == waits {
				c.wake()
			}
		})
	}
}

// wake gives the reader the turn if it waits.
func (c *End) wake() {
	if c.waits%2 == 1 {
		c.waits++
		c.world.give(c.turn)
	}
}

// put adds a datagram to the inbox.
func (c *End) put(b []byte) {
	c.inbox = append(c.inbox, protocol.Batch{Bytes: b, Size: len(b), From: c.peer.addr, At: c.world.now})
	c.wake()
}

// SetReceiveDeadline implements [protocol.Conn].
func (c *End) SetReceiveDeadline(t time.Time) error {
	c.deadline = t
	c.arm()
	return nil
}

// LocalAddr implements [protocol.Conn].
func (c *End) LocalAddr() netip.AddrPort { return c.addr }

// Close implements [protocol.Conn].
func (c *End) Close() error {
	if !c.world.isOver() {
		c.closed = true
		c.world.at(c.world.now, c.wake)
	}
	return nil
}
