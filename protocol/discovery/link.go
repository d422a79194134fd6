package discovery

import (
	"net"
	"net/netip"
	"slices"
)

// A link is a network interface of this machine that is up.
type link struct {
	index    int
	name     string
	loopback bool
	own      []netip.Prefix // its addresses, with the networks they are in
}

// near reports whether an address is in one of the link's networks, so that a router is not needed to get there.
func (l link) near(a netip.Addr) bool {
	a = a.WithZone("")
	return a.IsLinkLocalUnicast() || slices.ContainsFunc(l.own, func(p netip.Prefix) bool { return p.Contains(a) })
}

// has reports whether an address is the link's own.
func (l link) has(a netip.Addr) bool {
	return slices.ContainsFunc(l.own, func(p netip.Prefix) bool { return p.Addr() == a.WithZone("") })
}

func (l link) same(other link) bool {
	return l.index == other.index && l.name == other.name && slices.Equal(l.own, other.own)
}

func sameLinks(a, b []link) bool { return slices.EqualFunc(a, b, link.same) }

// interfaces returns the links of this machine: only the one with a name, or if that is "" all that can do multicast, and
// the loopback interface. One whose cable is unplugged is left out until it is plugged in.
func interfaces(only string) ([]link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var links []link
	for _, i := range all {
		if !wants(i, only) {
			continue
		}
		l := link{index: i.Index, name: i.Name, loopback: i.Flags&net.FlagLoopback != 0}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				addr, _ := netip.AddrFromSlice(n.IP)
				addr = addr.Unmap()
				bits, _ := n.Mask.Size()
				l.own = append(l.own, netip.PrefixFrom(addr, min(bits, addr.BitLen())))
			}
		}
		if len(l.own) > 0 {
			links = append(links, l)
		}
	}
	return links, nil
}

func wants(i net.Interface, only string) bool {
	const up = net.FlagUp | net.FlagRunning
	if i.Flags&up != up || only != "" && i.Name != only {
		return false
	}
	return only != "" || i.Flags&(net.FlagMulticast|net.FlagLoopback) != 0
}
