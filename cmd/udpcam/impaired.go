package main

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
)

// An impaired is a conn whose datagrams leave as late and as seldom as they would arrive on a path, in real time. On a
// perfect path they go straight through.
type impaired struct {
	protocol.Conn

	mu     sync.Mutex               // guards what follows, and the conn's sending side
	path   *netsim.Crossing         // nil if it is perfect
	block  func(header []byte) bool // tells which datagrams are lost in any case; nil for none
	flight netsim.Schedule[flying]
	timer  *time.Timer // runs while anything is in flight
	closed bool
}

func impair(conn protocol.Conn) *impaired { return &impaired{Conn: conn} }

// set changes the path for what is sent from now on.
func (c *impaired) set(path netsim.Path, block func(header []byte) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.path, c.block = nil, block
	if path != (netsim.Path{}) {
		c.path = netsim.NewCrossing(path, rand.Uint64(), rand.Uint64())
	}
}

// Send implements [protocol.Conn].
func (c *impaired) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path == nil && c.block == nil && c.flight.Len() == 0 {
		return c.Conn.Send(to, datagrams)
	}
	now := time.Now()
	for _, d := range datagrams {
		if c.block != nil && c.block(d[0]) {
			continue
		}
		arrivals := []time.Time{now}
		if c.path != nil {
			arrivals, _ = c.path.Cross(now, len(d[0])+len(d[1]))
		}
		for _, at := range arrivals {
			bytes := append(append([]byte(nil), d[0]...), d[1]...)
			c.flight.Put(at, flying{to, bytes})
		}
	}
	c.land()
	return nil
}

// land sends what has been under way for long enough, in as few calls as can be. c.mu is held.
func (c *impaired) land() {
	if c.closed {
		return
	}
	now := time.Now()
	var to netip.AddrPort
	var due [][2][]byte
	send := func() {
		if due != nil {
			c.Conn.Send(to, due) // what cannot be sent is lost, as on any network
		}
		due = nil
	}
	for {
		f, ok := c.flight.Due(now)
		if !ok {
			break
		}
		if f.to != to {
			send()
		}
		to, due = f.to, append(due, [2][]byte{f.bytes})
	}
	send()
	next, ok := c.flight.Next()
	if !ok {
		return
	}
	wait := next.Sub(now)
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.land()
		})
	} else {
		c.timer.Reset(wait)
	}
}

// Close implements [protocol.Conn]. What is in flight is lost.
func (c *impaired) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	return c.Conn.Close()
}

// A flying datagram is on its way.
type flying struct {
	to    netip.AddrPort
	bytes []byte
}
