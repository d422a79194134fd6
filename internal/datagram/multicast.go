package datagram

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// lookAgain is how often a member looks for interfaces that have come, gone or were replaced.
const lookAgain = time.Second

// A member keeps a socket in a multicast group while network interfaces come, go and are replaced. A replaced interface has
// another number, and the kernel has forgotten the group there.
type member struct {
	group netip.Addr
	iface string // the only interface to join on, or "" for all that can do multicast
	log   *slog.Logger
	join  func(*net.Interface, net.Addr) error
	leave func(*net.Interface, net.Addr) error

	joined []net.Interface
	ended  chan struct{}
	ending sync.Once
	done   sync.WaitGroup
}

// join makes the socket receive what is sent to a multicast group: on iface, or if that is nil on each interface that can
// do multicast, also on those that come later. The error is of the last interface, if it could join on none of those there
// are.
func join(conn *net.UDPConn, group netip.Addr, iface *net.Interface, log *slog.Logger) (*member, error) {
	p := ipv6.NewPacketConn(conn)
	m := &member{group: group, log: log, join: p.JoinGroup, leave: p.LeaveGroup, ended: make(chan struct{})}
	if group.Is4() {
		p := ipv4.NewPacketConn(conn)
		m.join, m.leave = p.JoinGroup, p.LeaveGroup
	}
	if iface != nil {
		m.iface = iface.Name
	}
	if err := m.look(); err != nil && len(m.joined) == 0 {
		return nil, err
	}
	if len(m.joined) == 0 {
		log.Warn("no network interface is up that can do multicast: waiting for one", "group", group)
	}
	m.done.Go(m.watch)
	return m, nil
}

// watch looks again and again, until the member ends.
func (m *member) watch() {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-m.ended:
			return
		case <-tick.C:
		}
		before := slices.Clone(m.joined)
		m.look() // what fails is tried again
		for _, i := range before {
			if !has(m.joined, i) {
				m.log.Warn("a network interface is gone, and with it the multicast group", "group", m.group, "interface", i.Name)
			}
		}
		for _, i := range m.joined {
			if !has(before, i) {
				m.log.Info("joined the multicast group on a network interface", "group", m.group, "interface", i.Name)
			}
		}
	}
}

// look joins on the interfaces that are new, and leaves on those that are gone. One that is down comes back as it was.
func (m *member) look() error {
	there, err := net.Interfaces()
	if err != nil {
		return err
	}
	to := &net.UDPAddr{IP: m.group.AsSlice()}
	m.joined = slices.DeleteFunc(m.joined, func(i net.Interface) bool {
		if has(there, i) {
			return false
		}
		m.leave(&i, to) // the socket still counts it
		return true
	})
	for _, i := range there {
		if has(m.joined, i) || !m.wants(i) {
			continue
		}
		if e := m.join(&i, to); e != nil {
			err = e
		} else {
			m.joined = append(m.joined, i)
		}
	}
	return err
}

func (m *member) wants(i net.Interface) bool {
	const able = net.FlagMulticast | net.FlagUp
	return i.Name == m.iface || m.iface == "" && i.Flags&able == able
}

// has reports whether an interface is in a list. One that was replaced is another.
func has(list []net.Interface, i net.Interface) bool {
	return slices.ContainsFunc(list, func(other net.Interface) bool { return other.Index == i.Index && other.Name == i.Name })
}

func (m *member) end() {
	m.ending.Do(func() { close(m.ended) })
	m.done.Wait()
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
