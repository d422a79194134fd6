package sender

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"udpcam/internal/datagram"
)

// DefaultPort is the port of addresses that name none.
const DefaultPort = 12345

// Dial returns a sender to addresses: host:port or host (for DefaultPort), where host is a name, an IPv4 or IPv6
// address (in brackets if a port follows), or a multicast group. A name stands for the first address that it resolves
// to, IPv4 before IPv6, and is resolved once.
func Dial(ctx context.Context, c Config, addrs ...string) (*Sender, error) {
	var to []Destination
	closeAll := func() {
		for _, d := range to {
			d.Conn.Close()
		}
	}
	for _, a := range addrs {
		addr, err := Resolve(a)
		if err != nil {
			closeAll()
			return nil, err
		}
		o := datagram.Options{Interface: c.Interface, TTL: c.TTL, NoGSO: c.NoGSO, NoGRO: true, DontFragment: c.automatic(), Refusals: true, Log: c.Log}
		conn, err := datagram.Open(ctx, addr.Addr(), o)
		if err != nil {
			closeAll()
			return nil, err
		}
		to = append(to, Destination{Conn: conn, Addr: addr})
	}
	s, err := New(c, to...)
	if err != nil {
		closeAll()
	}
	return s, err
}

// Resolve finds the IP address and port that an address as Dial takes it stands for.
func Resolve(addr string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil { // no port, then
		host, port = strings.Trim(addr, "[]"), strconv.Itoa(DefaultPort)
	}
	if host == "" {
		return netip.AddrPort{}, fmt.Errorf("address %q names no host: give host:port, such as 192.168.1.20:%d", addr, DefaultPort)
	}
	u, err := net.ResolveUDPAddr("udp", net.JoinHostPort(host, port))
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return netip.AddrPort{}, fmt.Errorf("cannot find the host %q: check the name and the network, or give its IP address (%w)", host, err)
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("bad address %q: give host:port, such as 192.168.1.20:%d (%w)", addr, DefaultPort, err)
	}
	ap := u.AddrPort()
	if ap.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("address %q: port 0 cannot be sent to", addr)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}
