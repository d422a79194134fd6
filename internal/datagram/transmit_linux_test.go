package datagram

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"time"
	"udpcam/protocol"

	"golang.org/x/sys/unix"
)

func parts(sizes ...int) (ds []protocol.Datagram) {
	for i, n := range sizes {
		b := bytes.Repeat([]byte{byte(i + 1)}, n)
		ds = append(ds, [2][]byte{b[:n/3], b[n/3:]})
	}
	return ds
}

func repeat(n, size int) (sizes []int) {
	for range n {
		sizes = append(sizes, size)
	}
	return sizes
}

func TestTrain(t *testing.T) {
	for _, c := range []struct {
		sizes []int
		want  int
	}{
		{[]int{100}, 1},
		{[]int{100, 100, 100}, 3},
		{[]int{100, 100, 40}, 3},
		{[]int{100, 40, 100}, 2}, // a smaller one ends the call
		{[]int{100, 101}, 1},     // a larger one never joins it
		{[]int{0, 100}, 1},
		{repeat(100, 100), maxSegments},
		{repeat(60, 1436), 45}, // maxCall / 1436
		{[]int{maxCall, 1}, 1},
		{[]int{70_000, 1}, 1}, // too large for any path: the kernel must say so
	} {
		if got := fitting(parts(c.sizes...)); got != c.want {
			t.Errorf("of %d datagrams, the first of %d bytes: %d, want %d", len(c.sizes), c.sizes[0], got, c.want)
		}
	}
}

// pair returns a socket and one that it can send to.
func pair(t testing.TB, o Options) (out, in *UDP) {
	in, err := Listen(t.Context(), "127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	out, err = Open(t.Context(), in.LocalAddr().Addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return out, in
}

// collect receives datagrams, in whatever portions they come, until there are n of them.
func collect(t testing.TB, c *UDP, n int) (got [][]byte) {
	c.SetReceiveDeadline(time.Now().Add(10 * time.Second))
	for len(got) < n {
		batches, err := c.Receive()
		if err != nil {
			t.Fatalf("after %d datagrams: %v", len(got), err)
		}
		for _, b := range batches {
			for b := range b.All() {
				got = append(got, bytes.Clone(b))
			}
		}
	}
	return got
}

// receive receives, and returns the number of bytes.
func receive(t testing.TB, c *UDP) (bytes int) {
	batches, err := c.Receive()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		bytes += len(b.Bytes)
	}
	return bytes
}

func checkArrived(t testing.TB, in *UDP, sent []protocol.Datagram) {
	t.Helper()
	got := collect(t, in, len(sent))
	for i, d := range sent {
		if want := append(bytes.Clone(d[0]), d[1]...); !bytes.Equal(got[i], want) {
			t.Fatalf("datagram %d has %d bytes, want %d", i, len(got[i]), len(want))
		}
	}
}

func TestManyInOneCall(t *testing.T) {
	for _, o := range []Options{{}, {NoGSO: true}, {NoGRO: true}, {NoGSO: true, NoGRO: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			out, in := pair(t, o)
			calls := 0
			real := out.tx.sendmsg
			out.tx.sendmsg = func(fd uintptr, h *unix.Msghdr) syscall.Errno { calls++; return real(fd, h) }
			sent := parts(append(repeat(150, 1436), 700, 1, 65_507, 30, 30)...)
			if err := out.Send(in.LocalAddr(), sent); err != nil {
				t.Fatal(err)
			}
			checkArrived(t, in, sent)
			if out.tx.gso == o.NoGSO && !o.NoGSO {
				t.Skip("this kernel has no UDP_SEGMENT")
			}
			if o.NoGSO && calls != len(sent) || !o.NoGSO && calls > 9 {
				t.Errorf("%d datagrams took %d calls", len(sent), calls)
			}
		})
	}
}

// TestFallbacks replaces the system call by one that refuses, in each way that a kernel is known to refuse.
func TestFallbacks(t *testing.T) {
	refuse := func(times int, errno syscall.Errno, when func(*unix.Msghdr) bool) func(*unix.Msghdr) syscall.Errno {
		return func(h *unix.Msghdr) syscall.Errno {
			if times > 0 && when(h) {
				times--
				return errno
			}
			return 0
		}
	}
	several := func(h *unix.Msghdr) bool { return h.Controllen > 0 }
	always := func(h *unix.Msghdr) bool { return true }
	const forever = 1 << 30
	for _, c := range []struct {
		name  string
		fake  func(*unix.Msghdr) syscall.Errno
		gso   bool // whether it is still used afterwards
		error error
	}{
		{"no checksum offload", refuse(forever, unix.EIO, several), false, nil},
		{"too large a call", refuse(forever, unix.EINVAL, several), false, nil},
		{"a firewall at first", refuse(1, unix.EPERM, always), true, nil},
		{"a firewall for good", refuse(forever, unix.EPERM, always), true, unix.EPERM},
		{"interrupted", refuse(3, unix.EINTR, always), true, nil},
		{"above the MTU", refuse(forever, unix.EMSGSIZE, always), true, unix.EMSGSIZE},
		{"above the MTU, older", func(h *unix.Msghdr) syscall.Errno {
			if several(h) {
				return unix.EINVAL
			}
			return unix.EMSGSIZE
		}, true, unix.EMSGSIZE},
		{"above the MTU, may be in fragments", refuse(forever, unix.EMSGSIZE, several), false, nil},
		{"no network", refuse(forever, unix.ENETUNREACH, always), true, unix.ENETUNREACH},
		{"invalid in itself", refuse(forever, unix.EINVAL, always), false, unix.EINVAL},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, in := pair(t, Options{})
			if !out.tx.gso {
				t.Skip("this kernel has no UDP_SEGMENT")
			}
			real := out.tx.sendmsg
			out.tx.sendmsg = func(fd uintptr, h *unix.Msghdr) syscall.Errno {
				if errno := c.fake(h); errno != 0 {
					return errno
				}
				return real(fd, h)
			}
			sent := parts(append(repeat(50, 1000), 10)...)
			err := out.Send(in.LocalAddr(), sent)
			if !errors.Is(err, c.error) || (err == nil) != (c.error == nil) {
				t.Fatalf("error %v, want %v", err, c.error)
			}
			if out.tx.gso != c.gso {
				t.Errorf("many in one call afterwards: %v, want %v", out.tx.gso, c.gso)
			}
			if err == nil {
				checkArrived(t, in, sent)
			}
		})
	}
}

// TestWaitsForRoom makes the kernel say once that the socket's buffer is full.
func TestWaitsForRoom(t *testing.T) {
	out, in := pair(t, Options{})
	real, full := out.tx.sendmsg, true
	out.tx.sendmsg = func(fd uintptr, h *unix.Msghdr) syscall.Errno {
		if full {
			full = false
			real(fd, h) // if nothing was sent, no event would ever say that there is room again
			return unix.EAGAIN
		}
		return real(fd, h)
	}
	sent := parts(100, 100)
	done := make(chan error, 1)
	go func() { done <- out.Send(in.LocalAddr(), sent) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for ever")
	}
	checkArrived(t, in, sent)
}

func TestAddresses(t *testing.T) {
	out, _ := pair(t, Options{})
	var bad *net.AddrError
	for _, to := range []string{"[::1]:99", "[fe80::1%nosuchinterface]:99"} {
		if err := out.Send(netip.MustParseAddrPort(to), parts(1)); !errors.As(err, &bad) {
			t.Errorf("to %s from an IPv4 socket: %v", to, err)
		}
	}
}

// TestInterfaceIndex finds each interface by its name and by its index.
func TestInterfaceIndex(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) == 0 {
		t.Fatal(interfaces, err)
	}
	for _, i := range interfaces {
		for _, zone := range []string{i.Name, strconv.Itoa(i.Index)} {
			if index, err := interfaceIndex(zone); err != nil || int(index) != i.Index {
				t.Errorf("%s: %d, %v, want %d", zone, index, err, i.Index)
			}
		}
	}
	if index, err := interfaceIndex("nosuchinterface"); err == nil {
		t.Errorf("an interface that is not there has the index %d", index)
	}
}

// TestDroppedIsCounted overflows a small receive buffer.
func TestDroppedIsCounted(t *testing.T) {
	out, in := pair(t, Options{})
	in.raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	for range 50 {
		if err := out.Send(in.LocalAddr(), parts(1000)); err != nil {
			t.Fatal(err)
		}
	}
	// The count comes with a datagram that was queued after the drops, behind the few that were queued before them.
	for range 50 {
		collect(t, in, 1)
		if in.Dropped() > 0 {
			return
		}
		if err := out.Send(in.LocalAddr(), parts(1000)); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("no drop was counted")
}

func TestNothingIsAllocated(t *testing.T) {
	out, in := pair(t, Options{})
	sent := parts(repeat(50, 1436)...)
	to := in.LocalAddr()
	if n := testing.AllocsPerRun(100, func() {
		if err := out.Send(to, sent); err != nil {
			t.Fatal(err)
		}
		for left := 50 * 1436; left > 0; {
			left -= receive(t, in)
		}
	}); n > 0 {
		t.Errorf("sending and receiving 50 datagrams allocates %v times", n)
	}
}

// BenchmarkPair sends the datagrams of an 80 kB frame over loopback and receives them.
func BenchmarkPair(b *testing.B) {
	for _, o := range []Options{{}, {NoGSO: true, NoGRO: true}} {
		b.Run(fmt.Sprintf("%+v", o), func(b *testing.B) {
			out, in := pair(b, o)
			sent := parts(repeat(57, 1436)...)
			to := in.LocalAddr()
			b.SetBytes(57 * 1408)
			b.ReportAllocs()
			for b.Loop() {
				if err := out.Send(to, sent); err != nil {
					b.Fatal(err)
				}
				for left := 57 * 1436; left > 0; {
					left -= receive(b, in)
				}
			}
		})
	}
}
