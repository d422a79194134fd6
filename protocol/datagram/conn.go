// Package datagram moves UDP datagrams between a socket and memory, with as few system calls and copies as the system
// allows.
//
// [Conn] is the seam between udpcam's sender and receiver and the network: [UDP] is the real thing; bench/link has one
// that lives in memory, in which sender and receiver meet in tests.
//
// On Linux a UDP sends many datagrams in one call, straight from the memory they lie in (UDP_SEGMENT, Linux 4.18), and
// receives many in one call where the kernel has joined them (UDP_GRO, Linux 5.0). Both are probed for when the socket
// is opened, and where the network card, a firewall or the path refuses, UDP falls back to one call a datagram by
// itself. Other systems have one call a datagram, and one copy on sending.
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

	// Receive waits for datagrams and copies one or more of them, all from the same address, into b, which must hold
	// BufferSize bytes. They lie in b[:n] one behind the other, size bytes each, of which the last may have fewer.
	// The error is net.ErrClosed after Close, and os.ErrDeadlineExceeded at the deadline.
	Receive(b []byte) (n, size int, from netip.AddrPort, err error)

	// SetReceiveDeadline sets the moment at which Receive gives up waiting, also one that waits now. The zero time is
	// never.
	SetReceiveDeadline(t time.Time) error

	// LocalAddr is the address that the conn is bound to.
	LocalAddr() netip.AddrPort

	Close() error
}

// BufferSize is how many bytes Receive may fill at once: the most that the kernel joins. A smaller buffer would cut it
// without a word.
const BufferSize = 65_535
