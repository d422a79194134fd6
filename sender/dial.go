package sender

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"udpcam/internal/datagram"
	"udpcam/protocol"
)

// DefaultPort is the port of addresses without one.
const DefaultPort = 12345

// A Resolver looks up the addresses of names. [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dial returns a sender to addresses. An address is host:port, or host for DefaultPort. The host is a name, a multicast
// group, or an IPv4 or IPv6 address (in brackets if a port follows). If a name has several addresses, the first one counts,
// IPv4 before IPv6. A name is looked up again when nobody answers, or if nobody can: the receiver may have another address
// by then.
func Dial(ctx context.Context, c Config, addrs ...string) (s *Sender, err error) {
	var to []Destination
	defer func() {
		if err != nil {
			for _, d := range to {
				d.Conn.Close()
			}
		}
	}()
	open := func(ctx context.Context, addr netip.Addr) (protocol.Conn, error) {
		return datagram.Open(ctx, addr, datagram.Options{Interface: c.Interface, TTL: c.TTL, NoGSO: c.NoGSO, NoGRO: true,
			DontFragment: c.automatic(), Refusals: true, Log: c.Log})
	}
	var names []string
	for _, a := range addrs {
		known, err := resolve(ctx, c.Resolver, a)
		if err != nil {
			return nil, err
		}
		conn, err := open(ctx, known[0].Addr())
		if err != nil {
			return nil, err
		}
		to = append(to, Destination{Conn: conn, Addr: known[0]})
		names = append(names, nameIn(a))
	}
	if s, err = New(c, to...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range s.destinations {
		d.name, d.open, d.looked = names[i], open, s.config.Clock.Now()
	}
	return s, nil
}

// nameIn returns an address whose host is a name, and "" for others.
func nameIn(addr string) string {
	if host, _ := split(addr); net.ParseIP(host) != nil || strings.Contains(host, ":") {
		return ""
	}
	return addr
}

// split splits an address into host and port.
func split(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil { // there is no port
		return strings.Trim(addr, "[]"), strconv.Itoa(DefaultPort)
	}
	return host, port
}

// lookupTime is how long the lookup of a name may take.
const lookupTime = 10 * time.Second

// resolve returns all addresses that an address stands for, at least one. A resolver of nil is the system's.
func resolve(ctx context.Context, r Resolver, addr string) (known []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	host, service := split(addr)
	if host == "" {
		return nil, fmt.Errorf("address %q names no host: give host:port, such as 192.168.1.20:%d", addr, DefaultPort)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return nil, fmt.Errorf("bad address %q: give host:port, such as 192.168.1.20:%d (%w)", addr, DefaultPort, err)
	}
	if port == 0 {
		return nil, fmt.Errorf("address %q: nothing can be sent to port 0", addr)
	}
	ips, err := lookup(ctx, r, host)
	var dns *net.DNSError
	if errors.As(err, &dns) || err == nil && len(ips) == 0 {
		return nil, fmt.Errorf("cannot find the host %q: check the name and the network, or give its IP address (%w)", host, err)
	}
	if err != nil {
		return nil, fmt.Errorf("bad address %q: give host:port, such as 192.168.1.20:%d (%w)", addr, DefaultPort, err)
	}
	var inet6 []netip.AddrPort
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() {
			known = append(known, netip.AddrPortFrom(ip, uint16(port)))
		} else {
			inet6 = append(inet6, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	return append(known, inet6...), nil
}

// lookup returns the IP addresses of a host.
func lookup(ctx context.Context, r Resolver, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	if r == nil {
		if ips := inHostsFile(host); len(ips) > 0 {
			return ips, nil
		}
		r = net.DefaultResolver
	}
	return r.LookupNetIP(ctx, "ip", host)
}
