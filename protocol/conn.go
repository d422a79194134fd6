package protocol

import (
	"iter"
	"net/netip"
	"time"
)

// A Conn sends and receives datagrams. One goroutine may send while another receives. Close ends both.
type Conn interface {
	// Send sends datagrams to an address, in order. It keeps nothing of them. At the first datagram that cannot be sent it
	// returns an error, and sends none of those that follow.
	Send(to netip.AddrPort, datagrams []Datagram) error

	// Receive waits for datagrams, and returns one or more, in order. They belong to the conn and are valid until Receive is
	// called again. The error is net.ErrClosed after Close, and os.ErrDeadlineExceeded at the deadline.
	Receive() ([]Batch, error)

	// SetReceiveDeadline sets when Receive stops waiting. This also holds for a Receive that waits now. With the zero time
	// it never stops.
	SetReceiveDeadline(t time.Time) error

	// LocalAddr is the address that the conn is bound to.
	LocalAddr() netip.AddrPort

	Close() error
}

// A Batch is one or more datagrams that came together from one address.
type Batch struct {
	Bytes []byte // the datagrams, one behind the other
	Size  int    // bytes in each; the last one may be shorter
	From  netip.AddrPort
	At    time.Time // when they reached this machine
}

// All returns the datagrams.
func (b Batch) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for at := 0; at < len(b.Bytes); at += b.Size {
			if !yield(b.Bytes[at:min(at+b.Size, len(b.Bytes))]) {
				return
			}
		}
	}
}

// A Clock tells the time and sleeps. Senders and receivers use it instead of package time, so that tests can simulate time
// together with the network.
type Clock interface {
	Now() time.Time
	// Sleep sleeps for at least d.
	Sleep(d time.Duration)
}
