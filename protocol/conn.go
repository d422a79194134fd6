package protocol

import (
	"iter"
	"net/netip"
	"time"
)

// A Conn sends and receives datagrams. One goroutine may send while another receives; Close ends both.
type Conn interface {
	// Send sends datagrams to an address, in order. Each is given in two parts, header and payload (which may be nil),
	// sent as one without being joined first. Nothing is kept of them. An error tells of the first datagram that
	// could not be sent; those behind it are not sent.
	Send(to netip.AddrPort, datagrams []Datagram) error

	// Receive waits until there are datagrams and returns those that are there, or some of them, in order. They are the
	// conn's, and valid until Receive is called again. The error is net.ErrClosed after Close, and
	// os.ErrDeadlineExceeded at the deadline.
	Receive() ([]Batch, error)

	// SetReceiveDeadline sets the moment at which Receive gives up waiting, also one that waits now. The zero time is
	// never.
	SetReceiveDeadline(t time.Time) error

	// LocalAddr is the address that the conn is bound to.
	LocalAddr() netip.AddrPort

	Close() error
}

// A Batch is one or more datagrams that came together, all from the same address.
type Batch struct {
	Bytes []byte // the datagrams, one behind the other
	Size  int    // bytes in each; the last may have fewer
	From  netip.AddrPort
	At    time.Time // when they came to this machine
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

// A Clock tells the time and lets it pass. Senders and receivers ask it instead of package time, so that a test can
// simulate time together with the network.
type Clock interface {
	Now() time.Time
	// Sleep returns no earlier than d from now.
	Sleep(d time.Duration)
}
