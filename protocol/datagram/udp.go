package datagram

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ReceiveBuffer is how many bytes of received datagrams the kernel is asked to hold while the receiver is busy: 100
// frames of 80 kB. Linux gives 212,992 bytes unless asked, which is fewer than three.
const ReceiveBuffer = 8 << 20

// A UDP is a UDP socket.
type UDP struct {
	conn *net.UDPConn
	// scratch is where the two parts of a datagram are joined for sending.
	scratch []byte
}

// Listen opens a socket that receives on an address: "host:port", or ":port" for all addresses of this machine, IPv4
// and IPv6. If the host is a multicast group the socket joins it, on every interface that can do multicast or, if
// iface is not nil, on that one.
func Listen(ctx context.Context, address string, iface *net.Interface) (*UDP, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	config := net.ListenConfig{}
	group := addr.AddrPort().Addr().Unmap()
	if group.IsMulticast() {
		config.Control = reuseAddress
	}
	u, err := open(ctx, config, "udp", address)
	if err != nil {
		return nil, err
	}
	if group.IsMulticast() {
		if err := u.join(group, iface); err != nil {
			u.Close()
			return nil, fmt.Errorf("join multicast group %s: %w", group, err)
		}
	}
	return u, nil
}

// Open opens a socket for sending to addresses of the family of to. Multicast datagrams leave by iface if it is not
// nil, else by the system's choice, and cross ttl-1 routers.
func Open(ctx context.Context, to netip.Addr, iface *net.Interface, ttl int) (*UDP, error) {
	network := "udp6"
	if to.Unmap().Is4() {
		network = "udp4"
	}
	u, err := open(ctx, net.ListenConfig{}, network, "")
	if err != nil {
		return nil, err
	}
	if to.IsMulticast() {
		if err := u.sendMulticast(to, iface, ttl); err != nil {
			u.Close()
			return nil, fmt.Errorf("send to multicast group %s: %w", to, err)
		}
	}
	return u, nil
}

func open(ctx context.Context, config net.ListenConfig, network, address string) (*UDP, error) {
	conn, err := config.ListenPacket(ctx, network, address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is in use by another program: end that one or choose another port (%w)", address, err)
	}
	if err != nil {
		return nil, err
	}
	u := &UDP{conn: conn.(*net.UDPConn)}
	u.growReceiveBuffer()
	return u, nil
}

// Send implements [Conn].
func (u *UDP) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	for _, d := range datagrams {
		u.scratch = append(append(u.scratch[:0], d[0]...), d[1]...)
		if _, err := u.conn.WriteToUDPAddrPort(u.scratch, to); err != nil {
			return err
		}
	}
	return nil
}

// Receive implements [Conn].
func (u *UDP) Receive(b []byte) (int, netip.AddrPort, error) { return u.conn.ReadFromUDPAddrPort(b) }

// SetReceiveDeadline implements [Conn].
func (u *UDP) SetReceiveDeadline(t time.Time) error { return u.conn.SetReadDeadline(t) }

// LocalAddr implements [Conn].
func (u *UDP) LocalAddr() netip.AddrPort { return u.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Close implements [Conn].
func (u *UDP) Close() error { return u.conn.Close() }

// ReceiveBuffer returns how many bytes of received datagrams the kernel really holds, 0 if it does not tell.
func (u *UDP) ReceiveBuffer() int { return u.receiveBuffer() }
