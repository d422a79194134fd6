package datagram

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
	"udpcam/protocol"

	"golang.org/x/sys/unix"
)

// stranger is the nth of many peers, and own is an address of this machine.
func stranger(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}), 99)
}

func own(last byte) source { return source{addr: netip.AddrFrom4([4]byte{127, 0, 0, last})} }

func TestPeers(t *testing.T) {
	var p peers
	if got := p.source(stranger(1)); got != (source{}) {
		t.Errorf("an answer to an unknown peer leaves from %v", got)
	}
	p.heard(stranger(1), own(2))
	p.heard(stranger(2), own(3))
	p.heard(stranger(1), own(4))
	mapped := netip.AddrPortFrom(netip.AddrFrom16(stranger(2).Addr().As16()), 99)
	for addr, want := range map[netip.AddrPort]source{stranger(1): own(4), stranger(2): own(3), mapped: own(3), stranger(3): {}} {
		if got := p.source(addr); got != want {
			t.Errorf("%v is answered from %v, want %v", addr, got, want)
		}
	}
}

// TestPeersAreBounded floods the table with invented peers, while a real peer keeps sending.
func TestPeersAreBounded(t *testing.T) {
	var p peers
	real, silent := stranger(0), stranger(1)
	p.heard(silent, own(2))
	for n := range 10 * maxPeers {
		if n%(maxPeers/2) == 0 {
			p.heard(real, own(3))
		}
		p.heard(stranger(2+n), own(4))
		if got := p.source(real); got != own(3) {
			t.Fatalf("after %d strangers the real peer is answered from %v", n+1, got)
		}
	}
	if got := p.source(silent); got != (source{}) {
		t.Errorf("the peer that fell silent is still answered from %v", got)
	}
	if len(p.list) != maxPeers {
		t.Errorf("%d peers are remembered", len(p.list))
	}
}

// wildcards opens a socket of each family that is bound to a port alone.
func wildcards(t *testing.T) map[string]*UDP {
	t.Helper()
	dual, err := Listen(t.Context(), ":0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dual.Close() })
	inet4, err := open(t.Context(), "udp4", ":0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inet4.Close() })
	inet4.rememberPeers()
	return map[string]*UDP{"IPv4 alone": inet4, "both families": dual}
}

// ask sends a datagram from a new socket to an address of the conn in.
func ask(t *testing.T, in *UDP, to netip.Addr) (out *UDP, from netip.AddrPort) {
	t.Helper()
	out, err := Open(t.Context(), to, Options{NoGRO: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	if err := out.Send(netip.AddrPortFrom(to, in.LocalAddr().Port()), parts(10)); err != nil {
		t.Fatalf("to %v: %v", to, err)
	}
	in.SetReceiveDeadline(time.Now().Add(10 * time.Second))
	batches, err := in.Receive()
	if err != nil {
		t.Fatalf("nothing came that was sent to %v: %v", to, err)
	}
	return out, batches[0].From
}

// checkSource answers with one datagram, and with several in one call, and checks which address they come from.
func checkSource(t *testing.T, in, out *UDP, to netip.AddrPort, want netip.Addr) {
	t.Helper()
	for _, answer := range [][]protocol.Datagram{parts(10), parts(100, 100, 100, 20)} {
		if err := in.Send(to, answer); err != nil {
			t.Errorf("no answer from %v: %v", want, err)
			return
		}
		out.SetReceiveDeadline(time.Now().Add(10 * time.Second))
		for left := len(answer); left > 0; {
			batches, err := out.Receive()
			if err != nil {
				t.Fatalf("no answer from %v came: %v", want, err)
			}
			for _, b := range batches {
				if got := b.From; got.Addr().WithZone("") != want.WithZone("") || got.Port() != in.LocalAddr().Port() {
					t.Errorf("an answer came from %v, want one from %v", got, want)
				}
				for range b.All() {
					left--
				}
			}
		}
	}
}

// TestAnswersComeFromTheAddressAsked asks at several addresses of this machine.
func TestAnswersComeFromTheAddressAsked(t *testing.T) {
	for name, in := range wildcards(t) {
		for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"} {
			t.Run(name+", "+host, func(t *testing.T) {
				to := netip.MustParseAddr(host)
				skipWithout(t, in, to)
				out, from := ask(t, in, to)
				checkSource(t, in, out, from, to)
			})
		}
	}
}

// TestSourceThatHasGone makes the socket remember addresses that this machine does not have any more.
func TestSourceThatHasGone(t *testing.T) {
	for name, in := range wildcards(t) {
		for _, c := range []struct{ asked, gone string }{
			{"127.0.0.1", "192.0.2.1"},
			{"127.0.0.1", "255.255.255.255"},
			{"::1", "2001:db8::1"},
			{"::1", "fe80::dead:beef"},
		} {
			t.Run(fmt.Sprintf("%s, %s as %s", name, c.asked, c.gone), func(t *testing.T) {
				asked, gone := netip.MustParseAddr(c.asked), source{addr: netip.MustParseAddr(c.gone)}
				skipWithout(t, in, asked)
				if gone.addr.IsLinkLocalUnicast() {
					gone.iface = 1 << 20
				}
				out, from := ask(t, in, asked)
				in.peers.heard(from, gone)
				gso := in.tx.gso
				checkSource(t, in, out, from, asked)
				if in.tx.gso != gso {
					t.Error("many in one call was given up for that")
				}
			})
		}
	}
}

// skipWithout skips an IPv6 test if this machine has no IPv6, or if the socket is for IPv4.
func skipWithout(t *testing.T, in *UDP, addr netip.Addr) {
	t.Helper()
	if addr.Is4() {
		return
	}
	loopback, err := net.ListenPacket("udp", "[::1]:0")
	if err != nil || in.tx.inet4 {
		t.Skip("no IPv6 here")
	}
	loopback.Close()
}

// TestSourceOneCall checks that an answer of several datagrams leaves in one call.
func TestSourceOneCall(t *testing.T) {
	for name, in := range wildcards(t) {
		_, from := ask(t, in, netip.MustParseAddr("127.0.0.2"))
		calls := 0
		real := in.tx.sendmsg
		in.tx.sendmsg = func(fd uintptr, h *unix.Msghdr) syscall.Errno { calls++; return real(fd, h) }
		if err := in.Send(from, parts(100, 100, 100)); err != nil || calls != 1 && in.tx.gso {
			t.Errorf("%s: %d calls, %v", name, calls, err)
		}
	}
}

// TestSourceIsNotAllocated checks that answering from the right address allocates nothing.
func TestSourceIsNotAllocated(t *testing.T) {
	for name, in := range wildcards(t) {
		to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), in.LocalAddr().Port())
		out, from := ask(t, in, to.Addr())
		question, answer := parts(10), parts(10)
		if n := testing.AllocsPerRun(100, func() {
			if out.Send(to, question) != nil || receive(t, in) != 10 || in.Send(from, answer) != nil || receive(t, out) != 10 {
				t.Fatal("it did not arrive")
			}
		}); n > 0 {
			t.Errorf("%s: a question and an answer allocate %v times", name, n)
		}
	}
}
