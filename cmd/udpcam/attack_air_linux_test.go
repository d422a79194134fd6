package main_test

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A packet is what the attacker sends: UDP, or ICMP if the ports are 0. Its source address may be anybody's.
type packet struct {
	from, to netip.AddrPort
	payload  []byte
}

// bytes is the packet with its IP header (RFC 791). The kernel fills in the length and the checksum.
func (p packet) bytes() []byte {
	ip := make([]byte, 20, 28+len(p.payload))
	ip[0], ip[8], ip[9] = 0x45, 64, unix.IPPROTO_UDP
	from, to := p.from.Addr().As4(), p.to.Addr().As4()
	copy(ip[12:], from[:])
	copy(ip[16:], to[:])
	if p.to.Port() == 0 {
		ip[9] = unix.IPPROTO_ICMP
		return append(ip, p.payload...)
	}
	ip = binary.BigEndian.AppendUint16(ip, p.from.Port())
	ip = binary.BigEndian.AppendUint16(ip, p.to.Port())
	ip = binary.BigEndian.AppendUint16(ip, uint16(8+len(p.payload)))
	return append(append(ip, 0, 0), p.payload...) // over IPv4 the checksum may be left out
}

// fragmentationNeeded is the ICMP message (RFC 1191) about a datagram of a stream.
func fragmentationNeeded(f flow, mtu uint16) []byte {
	quote := packet{f.from, f.to, make([]byte, 1436)}.bytes()
	binary.BigEndian.PutUint16(quote[2:], uint16(len(quote)))
	b := []byte{3, 4, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}
	b = append(b, quote[:28]...)
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xFFFF
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	return b
}

// An air is what the attacker has at the router: a socket that sends any packet, and one that hears all.
type air struct {
	send, hear int

	mu      sync.Mutex
	flows   map[flowKey]*flow
	heard   []packet               // the last ones of streams
	next    int                    // where in heard the next goes
	largest map[netip.AddrPort]int // bytes in the largest datagram to a receiver
	carried map[netip.AddrPort]int // bytes in all of them
}

type flowKey struct {
	session uint32
	to      netip.AddrPort
}

// A flow is a stream on its way to one receiver, as an eavesdropper sees it.
type flow struct {
	from, to netip.AddrPort
	newest   wireSegment // of the newest frame
	name     string
	seen     time.Time
}

// newAir opens the sockets and listens until the test ends.
func newAir(t *testing.T, at machine) *air {
	t.Helper()
	a := &air{flows: map[flowKey]*flow{}, largest: map[netip.AddrPort]int{}, carried: map[netip.AddrPort]int{}}
	err := at.do(func() (err error) {
		if a.send, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
			return err
		}
		const ethIP = 0x0800
		a.hear, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(ethIP<<8&0xFFFF|ethIP>>8))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	unix.SetsockoptInt(a.hear, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	unix.SetsockoptInt(a.send, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 8<<20)
	unix.SetsockoptTimeval(a.hear, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		a.listen(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
		unix.Close(a.send)
		unix.Close(a.hear)
	})
	return a
}

// emit sends a packet. If the kernel has no room, the packet is lost.
func (a *air) emit(p packet) {
	unix.Sendto(a.send, p.bytes(), 0, &unix.SockaddrInet4{Addr: p.to.Addr().As4()})
}

// listen notes the datagrams of streams that cross the router. It does not hear the attacker's own.
func (a *air) listen(stop chan struct{}) {
	buffer := make([]byte, 1<<16)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, from, err := unix.Recvfrom(a.hear, buffer, 0)
		if link, ok := from.(*unix.SockaddrLinklayer); err != nil || !ok || link.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if b := buffer[:n]; n >= 36 && b[0] == 0x45 && b[9] == unix.IPPROTO_UDP && b[29] == 0xCA {
			port := func(at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }
			a.note(netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:])), port(20)),
				netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:])), port(22)), b[28:])
		}
	}
}

func (a *air) note(from, to netip.AddrPort, payload []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kind := payload[2]
	if kind == 0x10|wireReport || kind == 0x10|wireRequest {
		return
	}
	a.largest[to] = max(a.largest[to], len(payload))
	a.carried[to] += len(payload)
	key := flowKey{wireSession(payload), to}
	f := a.flows[key]
	if f == nil {
		f = &flow{from: from, to: to}
		a.flows[key] = f
	}
	f.seen = time.Now()
	if s, ok := parseWireSegment(payload); ok && (f.newest.k == 0 || int32(s.frame-f.newest.frame) > 0) {
		s.payload = nil
		f.newest = s
	} else if kind == 0x10|wireAnnouncement && len(payload) > 37 {
		f.name = string(payload[37:])
	}
	const recorded = 512
	p := packet{from, to, append([]byte(nil), payload...)}
	if len(a.heard) < recorded {
		a.heard = append(a.heard, p)
	} else {
		a.heard[a.next%recorded] = p
		a.next++
	}
}

// to returns the streams that are on their way to a receiver now.
func (a *air) to(receiver netip.AddrPort) (flows []flow) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, f := range a.flows {
		if age := time.Since(f.seen); age > time.Minute {
			delete(a.flows, key)
		} else if f.to == receiver && age < 300*time.Millisecond && f.newest.k > 0 {
			flows = append(flows, *f)
		}
	}
	return flows
}

// record returns a datagram that was heard, n is any number, and false if none was. The caller may change it.
func (a *air) record(n int) (p packet, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.heard) == 0 {
		return p, false
	}
	p = a.heard[n%len(a.heard)]
	p.payload = append([]byte(nil), p.payload...)
	return p, true
}

// traffic returns the bytes in all datagrams of streams to a receiver since the last call, and in the largest.
func (a *air) traffic(to netip.AddrPort) (all, largest int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all, largest = a.carried[to], a.largest[to]
	a.carried[to], a.largest[to] = 0, 0
	return all, largest
}
