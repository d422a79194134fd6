package datachannel_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"udpcam/internal/datachannel"
	"udpcam/protocol"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func listen(t *testing.T, c datachannel.Config) *datachannel.Conn {
	t.Helper()
	conn, err := datachannel.Listen(t.Context(), "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func dial(t *testing.T, conn *datachannel.Conn) *datachannel.Channel {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := datachannel.Dial(ctx, func(offer []byte) ([]byte, error) { return conn.Answer(offer, loopback) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// say sends a datagram, again and again until the other end has it: a data channel may lose some. It returns where it came
// from.
func say(t *testing.T, from protocol.Conn, to netip.AddrPort, other protocol.Conn, text string) netip.AddrPort {
	t.Helper()
	for range 100 {
		if err := from.Send(to, []protocol.Datagram{{[]byte(text[:1]), []byte(text[1:])}}); err != nil {
			t.Fatal(err)
		}
		other.SetReceiveDeadline(time.Now().Add(200 * time.Millisecond))
		batches, err := other.Receive()
		if err == nil && bytes.Equal(batches[0].Bytes, []byte(text)) {
			return batches[0].From
		}
	}
	t.Fatalf("%q does not arrive", text)
	return netip.AddrPort{}
}

func TestBothWays(t *testing.T) {
	conn := listen(t, datachannel.Config{})
	one, two := dial(t, conn), dial(t, conn)
	first := say(t, one, netip.AddrPort{}, conn, "from one")
	second := say(t, two, netip.AddrPort{}, conn, "from two")
	if first == second {
		t.Fatalf("both have the address %v", first)
	}
	say(t, conn, second, two, "to two")
	say(t, conn, first, one, "to one")

	one.Close()
	for range 100 { // what goes to one that has left is lost, and the other is not disturbed
		if err := conn.Send(first, []protocol.Datagram{{[]byte("a"), []byte("b")}}); err != nil {
			t.Fatal(err)
		}
	}
	say(t, conn, second, two, "still there")
	conn.Close()
	if _, err := conn.Receive(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Receive after Close: %v", err)
	}
	if err := conn.Send(second, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
}
