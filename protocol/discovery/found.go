package discovery

import (
	"cmp"
	"net/netip"
	"slices"

	"udpcam/protocol"
)

// A Found is a stream that a Browser has found.
type Found struct {
	Instance string // tells streams apart: its name on this network, which no other stream has
	Name     string // the stream's name, which several hosts may use
	Host     string // the name of the machine

	// Addrs are where to subscribe, the best first: IPv4 in a network of the interface that the answer came on, then others.
	// Addresses of IPv6 that are valid on one link only have a zone.
	Addrs []netip.AddrPort

	Version string         // of the wire; "" if it is not told
	Sealed  bool           //
	Key     protocol.KeyID // of the key that it is sealed with, if Sealed

	Width, Height int     // of its pictures in pixels; 0 if not known
	FPS           float64 // pictures a second; 0 if not known
	Relay         bool    // it is passed on by a relay

	Interface string     // the network interface that it was heard on; of several, the one of Addrs[0]
	Via       netip.Addr // who told it

	Own  bool // it is on this machine
	Gone bool // it has said goodbye, or was not heard of for the time it had announced
}

// same reports whether two are the same to a user. Who told it does not matter.
func (f Found) same(other Found) bool {
	addrs := slices.Equal(f.Addrs, other.Addrs)
	f.Addrs, other.Addrs, f.Via, other.Via = nil, nil, netip.Addr{}, netip.Addr{}
	f.Interface, other.Interface = "", ""
	return addrs && f.plain() == other.plain()
}

// plain is the comparable part of a Found.
func (f Found) plain() any {
	return struct {
		a, b, c, d  string
		sealed, own bool
		gone, relay bool
		key         protocol.KeyID
		w, h        int
		fps         float64
	}{f.Instance, f.Name, f.Host, f.Version, f.Sealed, f.Own, f.Gone, f.Relay, f.Key, f.Width, f.Height, f.FPS}
}

// An address is one that a host was said to have on a link.
type address struct {
	netip.Addr
	on link
}

// addresses puts a host's addresses in order, the best first, each once.
func addresses(all []address, port uint16) (list []netip.AddrPort, first link) {
	slices.SortFunc(all, func(a, b address) int {
		return cmp.Or(a.rank()-b.rank(), a.on.index-b.on.index, a.Compare(b.Addr))
	})
	for _, a := range all {
		if to := netip.AddrPortFrom(a.Addr, port); !slices.Contains(list, to) {
			list = append(list, to)
		}
	}
	if len(all) > 0 {
		first = all[0].on
	}
	return list, first
}

func (a address) rank() int {
	near := a.on.near(a.Addr)
	switch {
	case a.IsLoopback():
		return 6
	case a.IsLinkLocalUnicast() && a.Is6():
		return 5
	case a.Is4() && near:
		return 0
	case near:
		return 1
	case a.IsLinkLocalUnicast():
		return 4
	case a.Is4():
		return 2
	}
	return 3
}
