// Package datagram moves UDP datagrams between a socket and memory, with as few system calls, wake-ups and copies as the
// system allows.
//
// [Conn] is the seam between udpcam's sender and receiver and the network: [UDP] is the real thing; protocol/netsim
// has one that lives in memory, in which sender and receiver meet in tests.
//
// On Linux a UDP sends many datagrams in one call, straight from the memory they lie in (UDP_SEGMENT, Linux 4.18), and
// receives many in one call (recvmmsg), those that the kernel has joined (UDP_GRO, Linux 5.0) as one. Both are probed for
// when the socket is opened, and where the network card, a firewall or the path refuses, UDP falls back to one call a
// datagram by itself. Other systems have one call a datagram, and one copy on sending.
//
// A peer is answered from the address that it sent to, also where this machine has several: the peer takes answers from
// no other. Only on Linux: elsewhere the system chooses the address, and a receiver is best told to listen on one.
package datagram

import (
	"iter"
	"net/netip"
	"time"
)

// A Conn sends and receives datagrams. One goroutine may send while another receives; Close ends both.
type Conn interface {
	// Send sends datagrams to an address, in order. Each is given in two parts, header and payload (which may be nil),
	// sent as one without being joined first. Nothing is kept of them. An error tells of the first datagram that
	// could not be sent; those behind it are not sent. But see [Options.Refusals].
	Send(to netip.AddrPort, datagrams [][2][]byte) error

	// Receive waits until there are datagrams and returns those that are there, or some of them, in order. They are the
	// conn's, and valid until Receive is called again. The error is net.ErrClosed after Close, and
	// os.ErrDeadlineExceeded at the deadline.
	Receive() ([]Train, error)

	// SetReceiveDeadline sets the moment at which Receive gives up waiting, also one that waits now. The zero time is
	// never.
	SetReceiveDeadline(t time.Time) error

	// LocalAddr is the address that the conn is bound to.
	LocalAddr() netip.AddrPort

	Close() error
}

// A Train is one or more datagrams that came together, all from the same address.
type Train struct {
	Bytes []byte // the datagrams, one behind the other
	Size  int    // bytes in each, of which the last may have fewer
	From  netip.AddrPort
	At    time.Time // when they came to this machine
}

// All returns the datagrams.
func (t Train) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for at := 0; at < len(t.Bytes); at += t.Size {
			if !yield(t.Bytes[at:min(at+t.Size, len(t.Bytes))]) {
				return
			}
		}
	}
}

// maxReceived is how many bytes one datagram has at the most, or those that the kernel joins.
const maxReceived = 1<<16 - 1
