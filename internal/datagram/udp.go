package datagram

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"

	"udpcam/protocol"
)

// ReceiveBuffer is how many bytes of received datagrams the kernel is asked to hold while the receiver is busy: 100
// frames of 80 kB. Linux gives 212,992 bytes unless asked, which is fewer than three.
const ReceiveBuffer = 8 << 20

// maxReceived is the most bytes in one datagram, or in those that the kernel joins.
const maxReceived = 1<<16 - 1

// ErrUndelivered means that an earlier datagram was not delivered: nobody listens there (it then also is
// syscall.ECONNREFUSED), or nothing is there. Routers and hosts say that by ICMP, which may be forged.
var ErrUndelivered = errors.New("an earlier datagram was not delivered")

// Options say how a UDP is opened. The zero value is the documented default.
type Options struct {
	// Interface is the network interface on which a multicast group is joined or by which datagrams to one leave.
	// Nil means every interface that can do multicast for joining, and the system's choice for sending.
	Interface *net.Interface
	// TTL is how many networks datagrams to a multicast group may cross. 0 means 1: the local one.
	TTL int
	// DontFragment sends no datagram in fragments. One that is larger than the MTU of this machine's interface is refused
	// with syscall.EMSGSIZE. What routers say of the path's MTU is not acted on, because it may be forged: see
	// [UDP.TooBig]. Linux only.
	DontFragment bool
	// NoGSO and NoGRO turn off sending and receiving many datagrams in one call, for kernels that do it wrong.
	NoGSO, NoGRO bool
	// Refusals makes Send return ErrUndelivered if earlier datagrams could not be delivered. The datagrams of this Send have
	// left all the same. It also lets TooBig report. Linux only.
	Refusals bool
	// Log gets a line when the system refuses something that udpcam can do without. Nil means slog.Default().
	Log *slog.Logger
}

// A UDP is a UDP socket. It implements [protocol.Conn].
type UDP struct {
	socket
	iface  *net.Interface                   // by which multicast leaves, nil if the system chooses
	renew  func(iface *net.Interface) error // has multicast leave by another interface, nil if the system chooses
	member *member                          // of the multicast group that it receives from, or nil
}

// Send implements [protocol.Conn]. If it fails, the interface by which multicast leaves may have been replaced by one of the
// same name: then it tries that.
func (u *UDP) Send(to netip.AddrPort, datagrams []protocol.Datagram) error {
	err := u.socket.Send(to, datagrams)
	if err == nil || u.renew == nil {
		return err
	}
	iface, e := net.InterfaceByName(u.iface.Name)
	if e != nil || iface.Index == u.iface.Index || u.renew(iface) != nil {
		return err
	}
	u.iface = iface
	return u.socket.Send(to, datagrams)
}

// Close implements [protocol.Conn].
func (u *UDP) Close() error {
	if u.member != nil {
		u.member.end()
	}
	return u.socket.Close()
}

// A TooBig is what a router says of a datagram that it has dropped: that the packet was larger than the next link's MTU
// (ICMP "fragmentation needed", ICMPv6 "packet too big"). Anybody can forge that.
type TooBig struct {
	To    netip.AddrPort // where the datagram was sent to
	MTU   int            // of the next link
	Quote []byte         // the datagram's first bytes, as many as came, at most 64
}

// PathMTU returns the most bytes that a packet to an address may have, IP header included, as far as Linux knows. It may
// have believed a forged message. Other systems do not tell: 0.
func (u *UDP) PathMTU(to netip.AddrPort) int {
	if to.Addr().IsMulticast() && u.iface != nil {
		return u.iface.MTU
	}
	return pathMTU(to)
}

// Listen opens a socket that receives on an address: "host:port", or ":port" for all addresses of this machine, IPv4 and
// IPv6. If the host is a multicast group the socket joins it, also on interfaces that come later. On Linux, an answer to a
// peer leaves from the address of this machine that the peer's datagram was sent to.
func Listen(ctx context.Context, address string, o Options) (*UDP, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	u, err := open(ctx, "udp", address, o) // several sockets may listen to one multicast group: package net sees to that
	if err != nil {
		return nil, err
	}
	if group := addr.AddrPort().Addr().Unmap(); group.IsMulticast() {
		if u.member, err = join(u.conn, group, o.Interface, cmp.Or(o.Log, slog.Default())); err != nil {
			u.Close()
			return nil, fmt.Errorf("join multicast group %s: %w", group, err)
		}
	}
	if u.LocalAddr().Addr().IsUnspecified() {
		u.rememberPeers()
	}
	return u, nil
}

// Open opens a socket for sending to addresses of the family of to.
func Open(ctx context.Context, to netip.Addr, o Options) (*UDP, error) {
	network := "udp6"
	if to.Unmap().Is4() {
		network = "udp4"
	}
	u, err := open(ctx, network, "", o)
	if err != nil {
		return nil, err
	}
	if to.IsMulticast() {
		if err := sendMulticast(u.conn, to, o.Interface, max(o.TTL, 1)); err != nil {
			u.Close()
			return nil, fmt.Errorf("send to multicast group %s: %w", to, err)
		}
		if o.Interface != nil {
			u.renew = func(iface *net.Interface) error { return sendMulticast(u.conn, to, iface, max(o.TTL, 1)) }
		}
	}
	return u, nil
}

func open(ctx context.Context, network, address string, o Options) (*UDP, error) {
	conn, err := new(net.ListenConfig).ListenPacket(ctx, network, address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is in use by another program: end that one or choose another port (%w)", address, err)
	}
	if err != nil {
		return nil, err
	}
	u := &UDP{iface: o.Interface}
	if err := u.init(conn.(*net.UDPConn), o); err != nil {
		return nil, err
	}
	return u, nil
}
