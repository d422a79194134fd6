package sender

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"udpcam/protocol"
)

// A nullConn sends to nowhere and receives nothing.
type nullConn struct{ closed chan struct{} }

func (c nullConn) Send(netip.AddrPort, []protocol.Datagram) error { return nil }
func (c nullConn) Receive() ([]protocol.Batch, error) {
	<-c.closed
	return nil, net.ErrClosed
}
func (c nullConn) SetReceiveDeadline(time.Time) error { return nil }
func (c nullConn) LocalAddr() netip.AddrPort          { return netip.AddrPort{} }
func (c nullConn) Close() error                       { close(c.closed); return nil }

func jpeg(size int) []byte {
	b := make([]byte, size)
	copy(b, "\xff\xd8\xff")
	copy(b[size-2:], "\xff\xd9")
	return b
}

func newNull(t testing.TB, c Config) *Sender {
	s, err := New(c, Destination{nullConn{make(chan struct{})}, netip.MustParseAddrPort("10.0.0.2:12345")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestAllocations checks that sending a datagram allocates nothing.
func TestAllocations(t *testing.T) {
	for _, size := range []int{3000, 78_200} {
		s := newNull(t, Config{})
		f := protocol.Frame{JPEG: jpeg(size)}
		send := func() {
			if _, err := s.Send(f); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 * ringFrames {
			send()
		}
		// Those that remain are made by the library for Reed-Solomon.
		if n := testing.AllocsPerRun(100, send); n > 4 {
			t.Errorf("sending %d bytes allocates %v times, want at most 4", size, n)
		}
	}
}

func BenchmarkSend(b *testing.B) {
	for name, fec := range map[string]FEC{"no parity": FECOff, "auto": {}, "20%": FECShare(0.2)} {
		b.Run(name, func(b *testing.B) {
			s := newNull(b, Config{FEC: fec})
			f := protocol.Frame{JPEG: jpeg(78_200)}
			b.ReportAllocs()
			b.SetBytes(int64(len(f.JPEG)))
			for b.Loop() {
				if _, err := s.Send(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
