package datagram

import (
	"errors"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// join makes the socket receive what is sent to a multicast group: on iface, or if that is nil on each interface that can
// do multicast.
func join(conn *net.UDPConn, group netip.Addr, iface *net.Interface) error {
	var candidates []net.Interface
	if iface != nil {
		candidates = append(candidates, *iface)
	} else {
		all, err := net.Interfaces()
		if err != nil {
			return err
		}
		const able = net.FlagMulticast | net.FlagUp
		candidates = slices.DeleteFunc(all, func(i net.Interface) bool { return i.Flags&able != able })
	}
	joinOn := ipv6.NewPacketConn(conn).JoinGroup
	if group.Is4() {
		joinOn = ipv4.NewPacketConn(conn).JoinGroup
	}
	joined, err := false, errors.New("no network interface is up that can do multicast")
	for _, i := range candidates {
		if e := joinOn(&i, &net.UDPAddr{IP: group.AsSlice()}); e != nil {
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
	p4, p6 := ipv4.NewPacketConn(conn), ipv6.NewPacketConn(conn)
	setInterface, setTTL := p6.SetMulticastInterface, p6.SetMulticastHopLimit
	if group.Unmap().Is4() {
		setInterface, setTTL = p4.SetMulticastInterface, p4.SetMulticastTTL
	}
	if iface != nil {
		if err := setInterface(iface); err != nil {
			return err
		}
	}
	return setTTL(ttl)
}
