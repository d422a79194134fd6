package datagram

import (
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// maxPeers is how many peers a socket remembers: as many as a receiver follows streams. The limit stops a flood of invented
// addresses from filling the memory. A peer that a flood pushes out returns with its next datagram. Until then the system
// chooses the source address, as it does for strangers.
const maxPeers = 64

// A source is an address of this machine that datagrams are sent from. The zero value leaves it to the system.
type source struct {
	addr  netip.Addr // IPv4, or IPv6 without a zone
	iface uint32     // index of its interface, for an IPv6 link-local address only, which other interfaces may have too
}

// peers remembers to which address of this machine each peer sends, so that what is sent to the peer comes from there.
// A peer takes answers from no other address, and a machine has many: 127.0.0.2, a service's own address, the temporary
// ones of IPv6. It is for any number of goroutines.
type peers struct {
	mu   sync.Mutex
	list []peer                    // the one heard last comes first
	kept map[netip.AddrPort]source // of those that are kept, however many others there are
}

type peer struct {
	addr    netip.AddrPort
	reached source
}

// heard notes that a peer has sent something. If there are too many peers, the one that has been silent for longest is
// forgotten.
func (p *peers) heard(addr netip.AddrPort, reached source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, kept := p.kept[addr]; kept {
		p.kept[addr] = reached
		return
	}
	i := p.find(addr)
	if i < 0 {
		if len(p.list) < maxPeers {
			p.list = append(p.list, peer{})
		}
		i = len(p.list) - 1
	}
	copy(p.list[1:i+1], p.list[:i])
	p.list[0] = peer{addr, reached}
}

// source is where to send from to a peer.
func (p *peers) source(addr netip.AddrPort) source {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	p.mu.Lock()
	defer p.mu.Unlock()
	if reached, kept := p.kept[addr]; kept {
		return reached
	}
	if i := p.find(addr); i >= 0 {
		return p.list[i].reached
	}
	return source{}
}

// keep keeps a peer that has sent something, or does so no longer.
func (p *peers) keep(addr netip.AddrPort, keep bool) {
	reached := p.source(addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !keep:
		delete(p.kept, addr)
	case reached != (source{}):
		if p.kept == nil {
			p.kept = map[netip.AddrPort]source{}
		}
		p.kept[addr] = reached
	}
}

// KeepPeer has the socket remember to which address of this machine a peer sends, however many others send something, or
// ends that. The peer must have sent something.
func (s *socket) KeepPeer(peer netip.AddrPort, keep bool) { s.peers.keep(peer, keep) }

// find returns a peer's place in the list, or -1 if it is not there.
func (p *peers) find(addr netip.AddrPort) int {
	return slices.IndexFunc(p.list, func(other peer) bool { return other.addr == addr })
}

// rememberPeers asks the kernel to say to which address of this machine each datagram was sent. It is for sockets that are
// not bound to one address.
func (s *socket) rememberPeers() {
	level, option := unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	if s.tx.inet4 {
		level, option = unix.IPPROTO_IP, unix.IP_PKTINFO
	}
	s.raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), level, option, 1) })
}
