package main

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
)

// An impaired is a conn that loses and delays what it sends, in real time.
type impaired struct {
	protocol.Conn

	mu     sync.Mutex // guards what follows, and the conn's sending side
	path   *netsim.Crossing
	block  func(header []byte) bool // reports whether a datagram is lost in any case; nil means that none is
	flight netsim.Schedule[flying]
	timer  *time.Timer // set to when the next datagram arrives
}

// A flying datagram is on its way.
type flying struct {
	to    netip.AddrPort
	bytes []byte
}

func impair(conn protocol.Conn) *impaired {
	c := &impaired{Conn: conn, path: netsim.NewCrossing(netsim.Path{}, rand.Uint64(), rand.Uint64())}
	c.timer = time.AfterFunc(time.Hour, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.land()
	})
	return c
}

// set changes the path for what is sent from now on.
func (c *impaired) set(path netsim.Path, block func(header []byte) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.path.SetPath(time.Now(), path)
	c.block = block
}

// Send implements [protocol.Conn].
func (c *impaired) Send(to netip.AddrPort, datagrams []protocol.Datagram) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for _, d := range datagrams {
		if c.block != nil && c.block(d[0]) {
			continue
		}
		arrivals, _ := c.path.Cross(now, len(d[0])+len(d[1]))
		for _, at := range arrivals {
			c.flight.Put(at, flying{to, slices.Concat(d[0], d[1])})
		}
	}
	c.land()
	return nil
}

// land sends the datagrams that arrive by now, and sets the timer for the others. c.mu is held.
func (c *impaired) land() {
	now := time.Now()
	f, ok := c.flight.Due(now)
	for ok {
		to, due := f.to, []protocol.Datagram(nil)
		for ; ok && f.to == to; f, ok = c.flight.Due(now) {
			due = append(due, protocol.Datagram{f.bytes})
		}
		c.Conn.Send(to, due) // what cannot be sent is lost, as on any network, also after Close
	}
	if next, ok := c.flight.Next(); ok {
		c.timer.Reset(next.Sub(now))
	}
}

// Close implements [protocol.Conn]. What is on its way is lost.
func (c *impaired) Close() error {
	c.timer.Stop()
	return c.Conn.Close()
}
