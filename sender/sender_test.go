package sender_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"udpcam/internal/datagram"
	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

func TestMain(m *testing.M) {
	slog.SetDefault(quiet) // tests that look at the log have one of their own
	goleak.VerifyTestMain(m)
}

var (
	camera = netip.MustParseAddrPort("10.0.0.1:40000")
	viewer = netip.MustParseAddrPort("10.0.0.2:12345")
)

func street(t testing.TB, n int) []byte {
	b, err := os.ReadFile(fmt.Sprintf("../protocol/mjpeg/testdata/street/%d.jpg", n))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// receive receives one frame.
func receive(t *testing.T, c protocol.Conn, a *protocol.Assembler) protocol.Frame {
	t.Helper()
	c.SetReceiveDeadline(time.Now().Add(10 * time.Second))
	for {
		batches, err := c.Receive()
		if err != nil {
			t.Fatalf("%v: %+v", err, a.Stats())
		}
		for _, tr := range batches {
			for b := range tr.All() {
				a.Add(b, tr.From, tr.At)
			}
		}
		if f, ok := a.Next(); ok {
			return f
		}
	}
}

func listen(t *testing.T, n *netsim.Network, addr netip.AddrPort) *netsim.Conn {
	c, err := n.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSenderSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{})
		in := listen(t, n, viewer)
		s, err := sender.New(sender.Config{Name: "door"}, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		a := protocol.NewAssembler(protocol.AssemblerConfig{})
		for i := range 40 {
			jpeg := street(t, 5+i%4)
			captured := time.Now()
			if _, err := s.Send(protocol.Frame{Captured: captured, JPEG: jpeg}); err != nil {
				t.Fatal(err)
			}
			got := receive(t, in, a)
			if got.ID != uint32(i) || got.Stream != "door" || !bytes.Equal(got.JPEG, jpeg) ||
				!got.Captured.Equal(captured.Truncate(time.Microsecond)) {
				t.Fatalf("frame %d came out as frame %d of %q, %d bytes", i, got.ID, got.Stream, len(got.JPEG))
			}
			time.Sleep(time.Second)
		}
		info := a.Streams()[0]
		if info.Announced.Size.X != 320 || info.Announced.Size.Y != 240 || info.Announced.MilliFPS != 1000 {
			t.Errorf("announced: %+v", info.Announced)
		}
		if st := s.Stats(); st.Frames != 40 || st.Failed != 0 || st.Datagrams < 40*11 || st.WireBytes <= st.FrameBytes {
			t.Errorf("stats: %+v", st)
		}
	})
}

// TestSenderAnnounces counts announcements: before each of the first frames, and then five times a second.
func TestSenderAnnounces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{})
		s, err := sender.New(sender.Config{FEC: sender.FECOff}, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		jpeg := street(t, 5)
		frames := func(count int) (announcements uint64) {
			before := s.Stats().Datagrams
			for range count {
				if _, err := s.Send(protocol.Frame{JPEG: jpeg}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second / 100)
			}
			return s.Stats().Datagrams - before - uint64(count)*11 // 14 kB are 11 segments
		}
		if got := frames(10); got != 10 {
			t.Errorf("%d announcements before the first 10 frames, want 10", got)
		}
		if got := frames(1000); got != 50 {
			t.Errorf("%d announcements in the next 10 s, want 50", got)
		}
	})
}

func TestSenderRefuses(t *testing.T) {
	n := netsim.New(1, netsim.Path{})
	s, err := sender.New(sender.Config{}, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(protocol.Frame{JPEG: []byte("hello")}); !errors.Is(err, sender.ErrNotJPEG) {
		t.Errorf("no JPEG: %v", err)
	}
	large := make([]byte, protocol.MaxFrameSize+1)
	copy(large, "\xff\xd8\xff")
	copy(large[len(large)-2:], "\xff\xd9")
	if _, err := s.Send(protocol.Frame{JPEG: large}); !errors.Is(err, protocol.ErrFrameSize) {
		t.Errorf("a large frame: %v", err)
	}
	s.Close()
	if _, err := s.Send(protocol.Frame{JPEG: street(t, 5)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := sender.New(sender.Config{}); err == nil {
		t.Error("a sender with nowhere to send to was made")
	}
	for _, wire := range []protocol.Wire{protocol.WireV1, protocol.WireClassic} {
		if _, err := sender.Dial(t.Context(), sender.Config{Wire: wire, SegmentSize: 10}, "127.0.0.1"); err == nil {
			t.Errorf("%s: segments of 10 bytes were accepted", wire)
		}
	}
}

// A failingConn is a network that is down until the test brings it up.
type failingConn struct {
	protocol.Conn
	err    error
	sent   int
	closed chan struct{}
}

func (c *failingConn) Send(netip.AddrPort, [][2][]byte) error { c.sent++; return c.err }
func (c *failingConn) Close() error                           { close(c.closed); return nil }
func (c *failingConn) Receive() ([]protocol.Batch, error) {
	<-c.closed
	return nil, net.ErrClosed
}

func TestSenderOutlivesTheNetwork(t *testing.T) {
	var log bytes.Buffer
	bad := &failingConn{err: syscall.ENETUNREACH, closed: make(chan struct{})}
	good := &failingConn{closed: make(chan struct{})}
	s, err := sender.New(sender.Config{Log: slog.New(slog.NewTextHandler(&log, nil))},
		sender.Destination{Conn: bad, Addr: viewer}, sender.Destination{Conn: good, Addr: viewer})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	send := func() {
		if _, err := s.Send(protocol.Frame{JPEG: street(t, 5)}); err != nil {
			t.Fatal(err)
		}
	}
	send()
	send()
	if good.sent != bad.sent || s.Stats().Failed == 0 {
		t.Errorf("one destination was tried %d times, the other %d; %d failures counted", good.sent, bad.sent, s.Stats().Failed)
	}
	bad.err = nil
	send()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "cannot send") || !strings.Contains(lines[1], "sending again") {
		t.Errorf("logged:\n%s", log.String())
	}
}

// TestDial sends over real sockets, to IPv4 and IPv6 at once, in segments of several sizes.
func TestDial(t *testing.T) {
	for _, size := range []int{0, 448, 1000, 8896, 65_472} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var conns []protocol.Conn
			var addrs []string
			for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
				c, err := datagram.Listen(t.Context(), host, datagram.Options{})
				if err != nil {
					t.Skipf("no loopback at %s: %v", host, err)
				}
				defer c.Close()
				conns, addrs = append(conns, c), append(addrs, c.LocalAddr().String())
			}
			s, err := sender.Dial(context.Background(), sender.Config{SegmentSize: size}, addrs...)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			jpeg := street(t, 2)
			if _, err := s.Send(protocol.Frame{Captured: time.Now(), JPEG: jpeg}); err != nil {
				t.Fatal(err)
			}
			for _, c := range conns {
				if f := receive(t, c, protocol.NewAssembler(protocol.AssemblerConfig{})); !bytes.Equal(f.JPEG, jpeg) {
					t.Errorf("to %s came %d bytes that were not sent", c.LocalAddr(), len(f.JPEG))
				}
			}
		})
	}
}
