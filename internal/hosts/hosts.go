// Package hosts finds the IP addresses that stand behind what a user types: 192.168.1.20, door.local:5000, [fe80::1%eth0].
package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"udpcam/protocol"
)

// lookupTime is how long the lookup of a name may take.
const lookupTime = 10 * time.Second

// A Resolver looks up the addresses of names. [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Name returns an address whose host is a name, and "" for others.
func Name(addr string) string {
	if host, _ := Split(addr); net.ParseIP(host) != nil || strings.Contains(host, ":") {
		return ""
	}
	return addr
}

// Split splits an address into host and port. An address without a port gets [protocol.DefaultPort].
func Split(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil { // there is no port
		return strings.Trim(addr, "[]"), strconv.Itoa(protocol.DefaultPort)
	}
	return host, port
}

// Resolve returns all addresses that an address stands for, at least one, IPv4 before IPv6. A resolver of nil is the
// system's.
func Resolve(ctx context.Context, r Resolver, addr string) (known []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	example := fmt.Sprintf("give host:port, such as 192.168.1.20:%d", protocol.DefaultPort)
	host, service := Split(addr)
	if host == "" {
		return nil, fmt.Errorf("address %q names no host: %s", addr, example)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return nil, fmt.Errorf("bad address %q: %s (%w)", addr, example, err)
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
		return nil, fmt.Errorf("bad address %q: %s (%w)", addr, example, err)
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

// inHostsFile looks for a name in the file that comes before all servers. Go's resolver reads it too, but may keep what it
// has read for five seconds, which is too long for a machine that has moved.
func inHostsFile(name string) (addrs []netip.Addr) {
	content, err := os.ReadFile("/etc/hosts")
	if err != nil {
		return nil // there is none on this system
	}
	for line := range strings.Lines(string(content)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 || !slices.ContainsFunc(fields[1:], func(f string) bool { return strings.EqualFold(f, name) }) {
			continue
		}
		if addr, err := netip.ParseAddr(fields[0]); err == nil {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
