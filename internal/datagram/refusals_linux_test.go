package datagram

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// TestRefusals sends to a port at which nobody listens at first. Then somebody does.
func TestRefusals(t *testing.T) {
	for _, reading := range []bool{false, true} {
		_, in := pair(t, Options{})
		to := in.LocalAddr()
		out, err := Open(t.Context(), to.Addr(), Options{Refusals: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { out.Close() })
		if reading {
			go out.Receive() // it may be that one that the system tells
		}
		if err := out.Send(to, parts(10)); err != nil {
			t.Errorf("while somebody listens: %v", err)
		}
		in.Close()
		refused := false
		for range 200 {
			if err = out.Send(to, parts(10, 20)); err != nil {
				refused = errors.Is(err, syscall.ECONNREFUSED)
				break
			}
			time.Sleep(time.Millisecond)
		}
		if !refused {
			t.Errorf("reading %v: nobody listens any more, and sending says %v", reading, err)
		}
		again, err := Listen(t.Context(), to.String(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { again.Close() })
		out.Send(to, parts(30)) // which may tell of the last
		if err := out.Send(to, parts(40)); err != nil {
			t.Errorf("somebody listens again: %v", err)
		}
		again.SetReceiveDeadline(time.Now().Add(10 * time.Second))
		got, err := again.Receive()
		if err != nil || len(got[0].Bytes) == 0 {
			t.Errorf("datagrams do not arrive: %v", err)
		}
	}
}

// TestRefusalsUseNoMemory has many datagrams refused while nobody calls Receive.
func TestRefusalsUseNoMemory(t *testing.T) {
	_, in := pair(t, Options{})
	to := in.LocalAddr()
	in.Close()
	out, err := Open(t.Context(), to.Addr(), Options{Refusals: true})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for range 1000 {
		if err := out.Send(to, parts(1000)); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(100, func() { out.Send(to, parts(10)) }); n > 12 { // an error each
		t.Errorf("%.0f allocations a refused datagram", n)
	}
}

// TestNoRefusals checks that a socket without Refusals gets no such errors.
func TestNoRefusals(t *testing.T) {
	out, in := pair(t, Options{})
	to := in.LocalAddr()
	in.Close()
	for range 20 {
		if err := out.Send(to, parts(10)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if err := out.Send(netip.AddrPortFrom(to.Addr(), 1), parts(10)); err != nil {
		t.Error(err)
	}
}
