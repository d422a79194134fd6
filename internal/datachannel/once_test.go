package datachannel

import (
	"encoding/binary"
	"net"
	"testing"
)

// A sink counts what is written to it.
type sink struct {
	net.Conn
	written int
}

func (s *sink) Write(b []byte) (int, error) { s.written++; return len(b), nil }

// chunk makes an SCTP chunk of a type, with a TSN.
func chunk(kind byte, tsn uint32, size int) []byte {
	b := make([]byte, max(8, (size+3)&^3))
	b[0] = kind
	binary.BigEndian.PutUint16(b[2:], uint16(size))
	binary.BigEndian.PutUint32(b[4:], tsn)
	return b
}

func TestOnce(t *testing.T) {
	const data, sack = 0, 3
	packet := func(chunks ...[]byte) []byte {
		b := make([]byte, 12)
		for _, c := range chunks {
			b = append(b, c...)
		}
		return b
	}
	to := &sink{}
	o := &once{Conn: to}
	for i, c := range []struct {
		packet []byte
		leaves bool
	}{
		{packet(chunk(1, 7, 20)), true}, // INIT
		{packet(chunk(data, 1<<32-2, 1388)), true},
		{packet(chunk(data, 1<<32-1, 1388)), true},
		{packet(chunk(data, 0, 61), chunk(data, 1, 70)), true}, // TSNs wrap
		{packet(chunk(data, 1<<32-1, 1388)), false},
		{packet(chunk(data, 0, 61), chunk(data, 1, 70)), false},
		{packet(chunk(data, 1, 70), chunk(data, 2, 70)), true},
		{packet(chunk(sack, 0, 16)), true},
		{packet(chunk(sack, 0, 16), chunk(data, 2, 70)), false},
		{packet(chunk(192, 0, 8)), true}, // FORWARD-TSN
		{packet(chunk(data, 3, 0)), true},
		{nil, true},
	} {
		before := to.written
		if n, err := o.Write(c.packet); n != len(c.packet) || err != nil {
			t.Errorf("packet %d: %d, %v", i, n, err)
		}
		if left := to.written > before; left != c.leaves {
			t.Errorf("packet %d left: %v", i, left)
		}
	}
}
