package sender

import (
	"log/slog"
	"net"

	"udpcam/protocol"
)

// A Config says how a Sender sends. The zero value is the documented default.
type Config struct {
	// Name is the stream's name: see [protocol.CleanName]. If it is empty, receivers show the stream under the address that
	// it comes from.
	Name string
	// Via are the relays that the stream has come through.
	Via protocol.Relays
	// Wire is the format of datagrams. The zero value means [protocol.WireV1].
	Wire protocol.Wire
	// Key seals the stream: only receivers with the same key can watch it. The zero value leaves it open. The classic wire
	// cannot be sealed.
	Key protocol.Key
	// SegmentSize is the most payload bytes in a datagram. 0 means [protocol.DefaultSegmentSize], or what the narrowest
	// path carries if that is less. On the classic wire 0 means [protocol.ClassicSegmentSize].
	SegmentSize int
	// FEC is how much parity frames get. The classic wire has none.
	FEC FEC
	// Pace is how fast the datagrams of a frame leave.
	Pace Pace
	// OneWay turns off feedback: the sender receives nothing. If FEC adapts to reports, parity stays at a tenth. Multicast
	// and the classic wire are always one-way.
	OneWay bool
	// Port is where receivers may subscribe to the stream. Nil means that they cannot.
	Port *Port
	// Interface is the network interface by which multicast leaves. Nil means that the system chooses.
	Interface *net.Interface
	// TTL is how many networks multicast may cross. 0 means 1: it stays on the local one.
	TTL int
	// NoGSO sends each datagram by a system call of its own, for kernels and network cards that split them wrong.
	NoGSO bool
	// Resolver looks up the names in addresses. Nil means the system's.
	Resolver Resolver
	// Clock is the sender's clock. Nil means [datagram.SystemClock].
	Clock protocol.Clock
	// Log gets the problems that do not stop the sender. Nil means slog.Default().
	Log *slog.Logger
}

// automatic reports whether the sender finds the segment size itself.
func (c Config) automatic() bool { return c.SegmentSize == 0 && c.Wire != protocol.WireClassic }
