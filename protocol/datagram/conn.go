// Package datagram moves UDP datagrams between a socket and memory.
//
// [Conn] is the seam between udpcam's sender and receiver and the network: [UDP] is the real thing; bench/link has one
// that lives in memory, in which sender and receiver meet in tests.
package datagram

import (
	"net/netip"
	"time"
)

// A Conn sends and receives datagrams. One goroutine may send while another receives; Close ends both.
type Conn interface {
	// Send sends datagrams to an address, in order. Each is given in two parts, header and payload (which may be nil),
	// sent as one without being joined first. Nothing is kept of them. An error tells of the first datagram that
	// could not be sent; those behind it are not sent.
	Send(to netip.AddrPort, datagrams [][2][]byte) error

	// Receive waits for the next datagram, copies it into b, and returns its length and where it came from. A datagram
	// longer than b is cut. The error is net.ErrClosed after Close, and os.ErrDeadlineExceeded at the deadline.
	Receive(b []byte) (n int, from netip.AddrPort, err error)

	// SetReceiveDeadline sets the moment at which Receive gives up waiting, also one that waits now. The zero time is
	// never.
	SetReceiveDeadline(t time.Time) error

	// LocalAddr is the address that the conn is bound to.
	LocalAddr() netip.AddrPort

	Close() error
}
