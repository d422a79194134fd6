package datagram_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"udpcam/internal/datagram"
	"udpcam/protocol"
)

func listen(t *testing.T, addr string) *datagram.UDP {
	t.Helper()
	c, err := datagram.Listen(t.Context(), addr, datagram.Options{})
	if err != nil {
		t.Skipf("cannot listen on %s here: %v", addr, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// next receives n batches, and checks when they came.
func next(t *testing.T, c *datagram.UDP, n int) (got []protocol.Batch) {
	t.Helper()
	begun := time.Now()
	c.SetReceiveDeadline(begun.Add(10 * time.Second))
	for len(got) < n {
		batches, err := c.Receive()
		if err != nil {
			t.Fatalf("after %d batches: %v", len(got), err)
		}
		for _, b := range batches {
			if age := time.Since(b.At); age < 0 || age > time.Since(begun)+time.Second {
				t.Errorf("it came %v ago", age)
			}
			b.Bytes = bytes.Clone(b.Bytes)
			got = append(got, b)
		}
	}
	return got
}

func TestUDP(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			in := listen(t, addr)
			out, err := datagram.Open(t.Context(), in.LocalAddr().Addr(), datagram.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			sent := []protocol.Datagram{{[]byte("head"), []byte("body")}, {[]byte("only a head"), nil}, {nil, bytes.Repeat([]byte{7}, 9000)}}
			if err := out.Send(in.LocalAddr(), sent); err != nil {
				t.Fatal(err)
			}
			got := next(t, in, len(sent))
			for i, d := range sent {
				if got[i].From.Port() != out.LocalAddr().Port() {
					t.Errorf("datagram %d came from %v", i, got[i].From)
				}
				if want := append(append([]byte{}, d[0]...), d[1]...); !bytes.Equal(got[i].Bytes, want) {
					t.Errorf("datagram %d has %d bytes, want %d", i, len(got[i].Bytes), len(want))
				}
			}
		})
	}
}

// TestListenTakesBothFamilies sends by IPv4 and IPv6 to a conn that listens on a port alone.
func TestListenTakesBothFamilies(t *testing.T) {
	in := listen(t, ":0")
	for _, host := range []string{"127.0.0.1", "::1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(host), in.LocalAddr().Port())
		out, err := datagram.Open(t.Context(), to.Addr(), datagram.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if err := out.Send(to, []protocol.Datagram{{[]byte(host), nil}}); err != nil {
			t.Skipf("no loopback at %s: %v", host, err)
		}
		if got := next(t, in, 1)[0]; string(got.Bytes) != host || got.From.Addr().Unmap() != to.Addr() {
			t.Errorf("%q came from %v", got.Bytes, got.From)
		}
	}
}

// TestIPv6LinkLocal answers a datagram from a link-local address. Such an address is valid on one interface only.
func TestIPv6LinkLocal(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			ip, _ := netip.ParsePrefix(a.String())
			if !ip.Addr().IsLinkLocalUnicast() || ip.Addr().Is4() || i.Flags&net.FlagUp == 0 {
				continue
			}
			in := listen(t, "[::]:0")
			to := netip.AddrPortFrom(ip.Addr().WithZone(i.Name), in.LocalAddr().Port())
			out, err := datagram.Open(t.Context(), to.Addr(), datagram.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			if err := out.Send(to, []protocol.Datagram{{[]byte("ask"), nil}}); err != nil {
				t.Skipf("%v is no address yet: %v", to, err)
			}
			if err := in.Send(next(t, in, 1)[0].From, []protocol.Datagram{{[]byte("answer"), nil}}); err != nil {
				t.Fatal(err)
			}
			if got := next(t, out, 1)[0]; string(got.Bytes) != "answer" || got.From.Port() != to.Port() {
				t.Errorf("%q came from %v", got.Bytes, got.From)
			}
			return
		}
	}
	t.Skip("no interface has a link-local address")
}

func TestUDPEnds(t *testing.T) {
	c := listen(t, "127.0.0.1:0")
	c.SetReceiveDeadline(time.Unix(1, 0))
	if _, err := c.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("at the deadline: %v", err)
	}
	c.Close()
	if _, err := c.Receive(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := c.Send(c.LocalAddr(), []protocol.Datagram{{[]byte("x"), nil}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestReceiveBufferIsTold(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what it gave")
	}
	c := listen(t, "127.0.0.1:0")
	if n := c.ReceiveBuffer(); n < 100_000 || n > datagram.ReceiveBuffer {
		t.Errorf("the kernel holds %d bytes", n)
	}
}

func TestListenOnATakenPort(t *testing.T) {
	c := listen(t, "127.0.0.1:0")
	_, err := datagram.Listen(t.Context(), c.LocalAddr().String(), datagram.Options{})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v", err)
	}
}

// TestMulticast has two conns join a group on one machine and both receive what a third sends.
func TestMulticast(t *testing.T) {
	iface := multicastInterface(t)
	const group = "239.255.77.1"
	first, err := datagram.Listen(t.Context(), group+":0", datagram.Options{Interface: iface})
	if err != nil {
		t.Skipf("cannot join a multicast group here: %v", err)
	}
	defer first.Close()
	to := netip.AddrPortFrom(netip.MustParseAddr(group), first.LocalAddr().Port())
	second, err := datagram.Listen(t.Context(), to.String(), datagram.Options{Interface: iface})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	out, err := datagram.Open(t.Context(), to.Addr(), datagram.Options{Interface: iface})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := out.Send(to, []protocol.Datagram{{[]byte("to all"), nil}}); err != nil {
		t.Skipf("cannot send to a multicast group here: %v", err)
	}
	for _, c := range []*datagram.UDP{first, second} {
		if got := next(t, c, 1)[0]; string(got.Bytes) != "to all" {
			t.Errorf("%q came", got.Bytes)
		}
	}
}

// multicastInterface returns an interface that is up, can do multicast and has an IPv4 address.
func multicastInterface(t *testing.T) *net.Interface {
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && i.Flags&net.FlagMulticast != 0 && i.Flags&net.FlagUp != 0 {
				return &i
			}
		}
	}
	t.Skip("no interface here can do IPv4 multicast")
	return nil
}
