package main

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// A nic is a network interface of this machine, as far as its addresses matter.
type nic struct {
	name  string
	flags net.Flags
	addrs []netip.Addr
}

// maxOwn is how many addresses are told at most. Some machines have dozens.
const maxOwn = 4

// ownAddresses returns the addresses at which others reach what listens on bound, the best first. It reads the interfaces
// anew each time, because they come and go.
func ownAddresses(bound netip.Addr) []netip.Addr {
	own := reachable(bound, nics(), routed())
	return own[:min(len(own), maxOwn)]
}

// reachable does what [ownAddresses] does, for these interfaces. Where bound stands for all addresses, the best is that of
// the default route, and IPv4 comes before IPv6. Routed has the addresses of the default routes.
func reachable(bound netip.Addr, all []nic, routed []netip.Addr) (own []netip.Addr) {
	if bound = bound.Unmap(); !bound.IsUnspecified() {
		return []netip.Addr{bound}
	}
	type candidate struct {
		netip.Addr
		reach       reach
		side, other bool // not of the default route's interface; not its address
	}
	var candidates []candidate
	isRouted := func(a netip.Addr) bool { return slices.Contains(routed, a) }
	for _, n := range all {
		if n.flags&net.FlagUp == 0 || n.flags&net.FlagRunning == 0 {
			continue
		}
		side := !slices.ContainsFunc(n.addrs, isRouted)
		for _, a := range n.addrs {
			// An IPv6 address of the link alone is of no use to others: they would have to add a name of their own to it.
			if a.IsLoopback() || a.IsGlobalUnicast() || a.Is4() && a.IsLinkLocalUnicast() {
				if a.Is4() || bound.Is6() {
					candidates = append(candidates, candidate{a, n.reach(), side, !isRouted(a)})
				}
			}
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.reach, b.reach), trueLast(a.Is6(), b.Is6()),
			trueLast(a.IsLinkLocalUnicast(), b.IsLinkLocalUnicast()), trueLast(a.side, b.side), trueLast(a.other, b.other))
	})
	for _, c := range candidates {
		// Whoever is inside this machine also reaches its other addresses.
		if c.reach < toInside || c.reach == candidates[0].reach {
			own = append(own, c.Addr)
		}
	}
	return own
}

func trueLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// A reach says who is behind an interface. Fewer are behind a larger one.
type reach int

const (
	toNetwork reach = iota // everybody on the network, as far as the name tells
	toTunnel               // members of a VPN
	toInside               // containers and virtual machines of this machine
	toItself               // this machine alone
)

// The names of virtual interfaces begin with these.
var (
	tunnelNames = []string{"tun", "tap", "wg", "tailscale", "zt", "utun", "ppp", "ipsec", "nordlynx", "nebula"}
	insideNames = []string{"docker", "br-", "veth", "virbr", "vnet", "cni", "flannel", "cali", "cilium", "lxc", "lxdbr",
		"podman", "vmnet", "vboxnet", "vethernet"}
)

func (n nic) reach() reach {
	begins := func(prefix string) bool { return strings.HasPrefix(strings.ToLower(n.name), prefix) }
	switch {
	case n.flags&net.FlagLoopback != 0:
		return toItself
	case slices.ContainsFunc(insideNames, begins):
		return toInside
	case n.flags&net.FlagPointToPoint != 0 || slices.ContainsFunc(tunnelNames, begins):
		return toTunnel
	}
	return toNetwork
}

// nics returns this machine's interfaces as they are now.
func nics() (all []nic) {
	interfaces, _ := net.Interfaces() // without them, there are no addresses
	for _, i := range interfaces {
		n := nic{name: i.Name, flags: i.Flags}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if prefix, ok := a.(*net.IPNet); ok {
				if addr, ok := netip.AddrFromSlice(prefix.IP); ok {
					n.addrs = append(n.addrs, addr.Unmap())
				}
			}
		}
		all = append(all, n)
	}
	return all
}

// routed returns this machine's addresses on the default routes. It connects sockets to addresses that are only for
// documents (RFC 5737, RFC 3849). That chooses a route, but sends nothing.
func routed() (own []netip.Addr) {
	for _, far := range []string{"198.51.100.1:9", "[2001:db8::1]:9"} {
		conn, err := net.Dial("udp", far)
		if err != nil {
			continue // there is no route
		}
		own = append(own, conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap())
		conn.Close()
	}
	return own
}
