package netsim

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"udpcam/internal/datagram"
	"udpcam/protocol"
)

// buffer is how many bytes of datagrams a conn holds until they are received, like a socket's receive buffer.
const buffer = datagram.ReceiveBuffer

var _ protocol.Conn = (*Conn)(nil)

// A Conn is one end of a network. It implements [protocol.Conn].
type Conn struct {
	network *Network
	addr    netip.AddrPort

	mu       sync.Mutex
	inbox    []flying
	held     int // bytes in inbox
	deadline time.Time
	closed   bool
	changed  chan struct{} // closed and replaced when any of the above changes
}

// Send implements [protocol.Conn].
func (c *Conn) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return net.ErrClosed
	}
	for _, d := range datagrams {
		c.network.send(c.addr, to, append(append([]byte(nil), d[0]...), d[1]...))
	}
	return nil
}

// Receive implements [protocol.Conn].
func (c *Conn) Receive() ([]protocol.Batch, error) {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil, net.ErrClosed
		}
		left := time.Until(c.deadline)
		if !c.deadline.IsZero() && left <= 0 {
			c.mu.Unlock()
			return nil, os.ErrDeadlineExceeded
		}
		if len(c.inbox) > 0 {
			f := c.inbox[0]
			c.inbox = c.inbox[1:]
			c.held -= len(f.bytes)
			c.mu.Unlock()
			return []protocol.Batch{{Bytes: f.bytes, Size: len(f.bytes), From: f.from, At: time.Now()}}, nil
		}
		var timeout <-chan time.Time
		if !c.deadline.IsZero() {
			timeout = time.After(left)
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
		}
	}
}

// put adds a datagram to the inbox, if there is room.
func (c *Conn) put(f flying) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.held+len(f.bytes) > buffer {
		return false
	}
	c.inbox = append(c.inbox, f)
	c.held += len(f.bytes)
	c.notify()
	return true
}

// SetReceiveDeadline implements [protocol.Conn].
func (c *Conn) SetReceiveDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.notify()
	return nil
}

// LocalAddr implements [protocol.Conn].
func (c *Conn) LocalAddr() netip.AddrPort { return c.addr }

// Close implements [protocol.Conn]. The address is free again afterwards.
func (c *Conn) Close() error {
	c.network.mu.Lock()
	if c.network.conns[c.addr] == c {
		delete(c.network.conns, c.addr)
	}
	c.network.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.notify()
	return nil
}

func (c *Conn) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}
