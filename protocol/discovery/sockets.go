package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const port = 5353

var (
	group4 = netip.MustParseAddr("224.0.0.251")
	group6 = netip.MustParseAddr("ff02::fb")
)

// A packet is a datagram that was received.
type packet struct {
	link   int // index of the link that it came on, 0 if unknown
	from   netip.AddrPort
	direct bool // it was sent to one of our addresses, not to the group
	data   []byte
}

// An outgoing is a datagram to be sent on a link: to the groups, or if to is valid to one address.
type outgoing struct {
	link int
	to   netip.AddrPort
	data []byte
	once bool // from a port of our own: answers come there at once, to nobody else (RFC 6762, 5.1)
}

// A socket is one of a family of addresses.
type socket struct {
	group    netip.Addr
	conn     *net.UDPConn
	joinOn   func(*net.Interface, net.Addr) error
	leaveOn  func(*net.Interface, net.Addr) error
	send     func(b []byte, l link, to netip.AddrPort) error
	receive  func([]byte) (n, link int, to net.IP, from net.Addr, err error)
	joined   map[int]string // links by index, with their names
	problems map[int]string // why one is not joined, or cannot be sent on
}

// sockets are this process's part in multicast DNS, over IPv4 and IPv6. Other processes have such sockets too.
type sockets struct {
	only    string
	log     *slog.Logger
	byGroup []*socket // on the port of multicast DNS, unless another program has that to itself
	single  []*socket // on ports of our own, if anyPort is set; the same as byGroup if that is so
	links   []link
	packets chan packet
	readers sync.WaitGroup
	passive bool // the usual port was not to be had: only answers to our own questions come

	dropped atomic.Uint64 // datagrams that there was no time for
}

// open opens the sockets. With anyPort it also opens some on ports of our own. These have to do if another program has the port
// of multicast DNS to itself.
func open(ctx context.Context, only string, anyPort bool, log *slog.Logger) (*sockets, error) {
	s := &sockets{only: only, log: log, packets: make(chan packet, queueLength)}
	var err error
	if s.byGroup, err = bind(ctx, port); errors.Is(err, syscall.EADDRINUSE) && anyPort {
		s.passive = true
		err = nil
	}
	if err == nil && anyPort {
		s.single, err = bind(ctx, 0)
	}
	if s.passive {
		s.byGroup = s.single
	}
	if err != nil {
		for _, k := range s.byGroup {
			k.conn.Close()
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w (a program has it to itself; sudo ss -ulpn sport = :5353 shows which)", err)
		}
		return nil, fmt.Errorf("multicast DNS: %w", err)
	}
	for _, k := range s.all() {
		s.readers.Go(func() { s.read(k) })
	}
	s.look()
	return s, nil
}

// all are the sockets, each once.
func (s *sockets) all() []*socket {
	if s.passive {
		return s.single
	}
	return slices.Concat(s.byGroup, s.single)
}

// bind opens a socket for each family that this machine has. The error is that of the last, if it could open none, or if a port
// is taken.
func bind(ctx context.Context, port int) (list []*socket, failed error) {
	listen := net.ListenConfig{Control: share}
	if port == 0 {
		listen.Control = nil
	}
	for _, group := range []netip.Addr{group4, group6} {
		network, any := "udp4", "0.0.0.0"
		if group.Is6() {
			network, any = "udp6", "::"
		}
		conn, err := listen.ListenPacket(ctx, network, net.JoinHostPort(any, fmt.Sprint(port)))
		if err != nil {
			failed = err
			continue
		}
		list = append(list, newSocket(group, conn.(*net.UDPConn)))
	}
	if len(list) > 0 && !errors.Is(failed, syscall.EADDRINUSE) {
		return list, nil
	}
	for _, k := range list {
		k.conn.Close()
	}
	return nil, failed
}

func newSocket(group netip.Addr, conn *net.UDPConn) *socket {
	k := &socket{group: group, conn: conn, joined: map[int]string{}, problems: map[int]string{}}
	if group.Is4() {
		p := ipv4.NewPacketConn(conn)
		p.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true) // Windows has none: then the source's network tells the link
		p.SetMulticastTTL(255)                                     // RFC 6762, 11
		p.SetMulticastLoopback(true)
		k.joinOn, k.leaveOn = p.JoinGroup, p.LeaveGroup
		k.send = func(b []byte, l link, to netip.AddrPort) error {
			var from *ipv4.ControlMessage
			if l.loopback { // or else Linux sends from 0.0.0.0
				from = &ipv4.ControlMessage{Src: net.IP(l.first(group).AsSlice())}
			}
			if err := p.SetMulticastInterface(&net.Interface{Index: l.index, Name: l.name}); err != nil {
				return err
			}
			_, err := p.WriteTo(b, from, net.UDPAddrFromAddrPort(to))
			return err
		}
		k.receive = func(b []byte) (n, link int, to net.IP, from net.Addr, err error) {
			n, c, from, err := p.ReadFrom(b)
			if c != nil {
				link, to = c.IfIndex, c.Dst
			}
			return n, link, to, from, err
		}
		return k
	}
	p := ipv6.NewPacketConn(conn)
	p.SetControlMessage(ipv6.FlagInterface|ipv6.FlagDst, true)
	p.SetMulticastHopLimit(255)
	p.SetMulticastLoopback(true)
	k.joinOn, k.leaveOn = p.JoinGroup, p.LeaveGroup
	k.send = func(b []byte, l link, to netip.AddrPort) error {
		if err := p.SetMulticastInterface(&net.Interface{Index: l.index, Name: l.name}); err != nil {
			return err
		}
		_, err := conn.WriteToUDPAddrPort(b, to)
		return err
	}
	k.receive = func(b []byte) (n, link int, to net.IP, from net.Addr, err error) {
		n, c, from, err := p.ReadFrom(b)
		if c != nil {
			link, to = c.IfIndex, c.Dst
		}
		return n, link, to, from, err
	}
	return k
}

// look looks which links there are, and joins the groups on new ones. It reports whether anything has changed.
func (s *sockets) look() (changed bool) {
	links, err := interfaces(s.only)
	if err != nil {
		s.log.Debug("cannot list the network interfaces", "err", err)
		return false
	}
	for _, k := range s.byGroup {
		k.join(links)
	}
	changed = !sameLinks(links, s.links)
	s.links = links
	return changed
}

// join joins the group on the links that are new, and leaves it on those that are gone: the socket still counts these.
func (k *socket) join(links []link) {
	to := &net.UDPAddr{IP: k.group.AsSlice()}
	there := map[int]string{}
	for _, l := range links {
		there[l.index] = l.name
	}
	for index, name := range k.joined {
		if there[index] != name {
			k.leaveOn(&net.Interface{Index: index, Name: name}, to)
			delete(k.joined, index)
			delete(k.problems, index)
		}
	}
	for _, l := range links {
		if k.joined[l.index] != "" || !l.first(k.group).IsValid() {
			continue
		}
		if err := k.joinOn(&net.Interface{Index: l.index, Name: l.name}, to); err != nil {
			k.problems[l.index] = err.Error()
			continue
		}
		delete(k.problems, l.index)
		k.joined[l.index] = l.name
	}
}

// first returns the link's first address of the group's family. It is not valid if the link does not speak that: the loopback
// interface speaks IPv4 only, because it has no way to the group of IPv6.
func (l link) first(group netip.Addr) netip.Addr {
	for _, p := range l.own {
		if p.Addr().Is4() == group.Is4() && (group.Is4() || !l.loopback) {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// send sends a datagram. What fails is told by problems, and tried again with the next one.
func (s *sockets) send(o outgoing) {
	i := slices.IndexFunc(s.links, func(l link) bool { return l.index == o.link })
	sockets := s.byGroup
	if o.once {
		sockets = s.single
	}
	for _, k := range sockets {
		to := netip.AddrPortFrom(k.group, port)
		if o.to.IsValid() {
			to = o.to
		}
		if i < 0 || !s.links[i].first(k.group).IsValid() || to.Addr().Is4() != k.group.Is4() {
			continue
		}
		delete(k.problems, o.link)
		if err := k.send(o.data, s.links[i], to); err != nil {
			k.problems[o.link] = err.Error()
		}
	}
}

// read hands on what a socket receives, until it is closed.
func (s *sockets) read(k *socket) {
	buffer := make([]byte, maxPacket)
	for {
		n, index, to, from, err := k.receive(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // such as ICMP errors on Windows: never a busy loop
			continue
		}
		source := from.(*net.UDPAddr).AddrPort()
		p := packet{
			link: index, data: append([]byte(nil), buffer[:n]...), direct: to != nil && !to.IsMulticast(),
			from: netip.AddrPortFrom(source.Addr().Unmap(), source.Port()),
		}
		select {
		case s.packets <- p:
		default:
			s.dropped.Add(1)
		}
	}
}

func (s *sockets) close() {
	for _, k := range s.all() {
		k.conn.Close()
	}
	s.readers.Wait()
}
