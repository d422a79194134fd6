package datagram

import (
	"errors"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// join makes the socket receive what is sent to a multicast group, by one interface, or if that is nil by each that
// can do multicast.
func join(conn *net.UDPConn, group netip.Addr, iface *net.Interface) error {
	addr := &net.UDPAddr{IP: group.AsSlice()}
	joinOn := func(i *net.Interface) error {
		if group.Is4() {
			return ipv4.NewPacketConn(conn).JoinGroup(i, addr)
		}
		return ipv6.NewPacketConn(conn).JoinGroup(i, addr)
	}
	if iface != nil {
		return joinOn(iface)
	}
	all, err := net.Interfaces()
	if err != nil {
		return err
	}
	joined, err := false, errors.New("no network interface is up that can do multicast")
	for _, i := range all {
		if i.Flags&net.FlagMulticast == 0 || i.Flags&net.FlagUp == 0 {
			continue
		}
		if e := joinOn(&i); e != nil {
			err = e
		} else {
			joined = true
		}
	}
	if joined {
		return nil
	}
	return err
}

// sendMulticast sets how datagrams to a multicast group leave.
func sendMulticast(conn *net.UDPConn, group netip.Addr, iface *net.Interface, ttl int) error {
	if group.Unmap().Is4() {
		p := ipv4.NewPacketConn(conn)
		if iface != nil {
			if err := p.SetMulticastInterface(iface); err != nil {
				return err
			}
		}
		return p.SetMulticastTTL(ttl)
	}
	p := ipv6.NewPacketConn(conn)
	if iface != nil {
		if err := p.SetMulticastInterface(iface); err != nil {
			return err
		}
	}
	return p.SetMulticastHopLimit(ttl)
}
