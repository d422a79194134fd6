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

// DefaultPort is the port of addresses without one.
const DefaultPort = 12345

// Dial returns a sender to addresses. An address is host:port, or host for DefaultPort. The host is a name, a multicast
// group, or an IPv4 or IPv6 address (in brackets if a port follows). A name is resolved once. If it has several addresses,
// the first one counts, IPv4 before IPv6.
func Dial(ctx context.Context, c Config, addrs ...string) (s *Sender, err error) {
	var to []Destination
	defer func() {
		if err != nil {
			for _, d := range to {
				d.Conn.Close()
			}
		}
	}()
	o := datagram.Options{Interface: c.Interface, TTL: c.TTL, NoGSO: c.NoGSO, NoGRO: true, DontFragment: c.automatic(),
		Refusals: true, Log: c.Log}
	for _, a := range addrs {
		addr, err := Resolve(a)
		if err != nil {
			return nil, err
		}
		conn, err := datagram.Open(ctx, addr.Addr(), o)
		if err != nil {
			return nil, err
		}
		to = append(to, Destination{Conn: conn, Addr: addr})
	}
	return New(c, to...)
}

// Resolve returns the IP address and port of an address as Dial accepts it.
func Resolve(addr string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil { // there is no port
		host, port = strings.Trim(addr, "[]"), strconv.Itoa(DefaultPort)
	}
	if host == "" {
		return netip.AddrPort{}, fmt.Errorf("address %q names no host: give host:port, such as 192.168.1.20:%d", addr, DefaultPort)
	}
	u, err := net.ResolveUDPAddr("udp", net.JoinHostPort(host, port))
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return netip.AddrPort{}, fmt.Errorf("cannot find the host %q: check the name and the network, or give its IP address (%w)",
			host, err)
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("bad address %q: give host:port, such as 192.168.1.20:%d (%w)", addr, DefaultPort, err)
	}
	ap := u.AddrPort()
	if ap.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("address %q: nothing can be sent to port 0", addr)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}
