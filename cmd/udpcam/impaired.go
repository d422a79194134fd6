package main

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"udpcam/protocol/datagram"
	"udpcam/protocol/netsim"
)

// An impaired is a conn whose datagrams leave as late and as seldom as they would arrive on a path, in real time. On a
// perfect path they go straight through.
type impaired struct {
	datagram.Conn

	mu     sync.Mutex               // guards what follows, and the conn's sending side
	path   *netsim.Crossing         // nil if it is perfect
	block  func(header []byte) bool // tells which datagrams are lost in any case; nil for none
	flight flight
	number uint64      // of the next datagram in flight
	timer  *time.Timer // runs while anything is in flight
	closed bool
}

func impair(conn datagram.Conn) *impaired { return &impaired{Conn: conn} }

// set changes the path for what is sent from now on.
func (c *impaired) set(path netsim.Path, block func(header []byte) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.path, c.block = nil, block
	if path != (netsim.Path{}) {
		c.path = netsim.NewCrossing(path, rand.Uint64(), rand.Uint64())
	}
}

// Send implements [datagram.Conn].
func (c *impaired) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path == nil && c.block == nil && len(c.flight) == 0 {
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
			heap.Push(&c.flight, flying{at, c.number, to, bytes})
			c.number++
		}
	}
	c.land()
	return nil
}

// land sends what has been under way for long enough, in as few calls as can be. c.mu is held.
func (c *impaired) land() {
	now := time.Now()
	var due [][2][]byte
	for len(c.flight) > 0 && !c.flight[0].at.After(now) && !c.closed {
		f := heap.Pop(&c.flight).(flying)
		due = append(due, [2][]byte{f.bytes})
		if len(c.flight) == 0 || c.flight[0].to != f.to || c.flight[0].at.After(now) {
			c.Conn.Send(f.to, due) // what cannot be sent is lost, as on any network
			due = nil
		}
	}
	if len(c.flight) == 0 || c.closed {
		return
	}
	wait := c.flight[0].at.Sub(now)
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

// Close implements [datagram.Conn]. What is in flight is lost.
func (c *impaired) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	return c.Conn.Close()
}

// A flying datagram leaves at its time.
type flying struct {
	at     time.Time
	number uint64 // those of the same time leave in their order
	to     netip.AddrPort
	bytes  []byte
}

// A flight is a heap of datagrams, the next to leave first.
type flight []flying

func (f flight) Len() int      { return len(f) }
func (f flight) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flight) Push(x any)   { *f = append(*f, x.(flying)) }
func (f flight) Less(i, j int) bool {
	if !f[i].at.Equal(f[j].at) {
		return f[i].at.Before(f[j].at)
	}
	return f[i].number < f[j].number
}
func (f *flight) Pop() any {
	last := len(*f) - 1
	popped := (*f)[last]
	(*f)[last] = flying{}
	*f = (*f)[:last]
	return popped
}
