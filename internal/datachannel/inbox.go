package datachannel

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"udpcam/protocol"
)

// unread is how many datagrams wait for Receive. Further ones are lost, as in any network.
const unread = 1024

// An inbox holds datagrams until Receive is called. It is the receiving half of a [protocol.Conn].
type inbox struct {
	closed  chan struct{}
	arrived chan protocol.Batch

	mu      *sync.Mutex // guards what follows
	until   time.Time
	changed chan struct{} // closed when until has changed
}

func newInbox() inbox {
	return inbox{closed: make(chan struct{}), arrived: make(chan protocol.Batch, unread), mu: new(sync.Mutex),
		changed: make(chan struct{})}
}

// put puts a datagram into the inbox. It copies the bytes.
func (i *inbox) put(b []byte, from netip.AddrPort, now time.Time) {
	select {
	case i.arrived <- protocol.Batch{Bytes: append([]byte(nil), b...), Size: len(b), From: from, At: now}:
	default:
	}
}

// Receive implements [protocol.Conn].
func (i *inbox) Receive() ([]protocol.Batch, error) {
	for {
		passed, changed := i.deadline()
		select {
		case <-i.closed:
			return nil, net.ErrClosed
		case <-passed:
			return nil, os.ErrDeadlineExceeded
		case <-changed:
		case b := <-i.arrived:
			return []protocol.Batch{b}, nil
		}
	}
}

// deadline returns a channel that says when Receive stops waiting, nil if it does not, and one that says when that changes.
func (i *inbox) deadline() (passed <-chan time.Time, changed <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.until.IsZero() {
		passed = time.After(time.Until(i.until))
	}
	return passed, i.changed
}

// SetReceiveDeadline implements [protocol.Conn].
func (i *inbox) SetReceiveDeadline(t time.Time) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	close(i.changed)
	i.until, i.changed = t, make(chan struct{})
	return nil
}
