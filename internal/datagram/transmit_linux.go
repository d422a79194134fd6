package datagram

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"udpcam/internal/rawfd"
	"udpcam/protocol"
)

const (
	// maxSegments is how many datagrams one UDP_SEGMENT call may carry: UDP_MAX_SEGMENTS in Linux's udp.h.
	maxSegments = 64

	// maxCall is how many bytes one UDP_SEGMENT call may carry: the largest payload of an IPv4 packet.
	maxCall = 65_507
)

// A transmitter sends datagrams by sendmsg(2), straight from the memory they lie in.
type transmitter struct {
	inet4 bool // the socket's family
	gso   bool // whether many datagrams may go in one call
	log   *slog.Logger

	// The memory for a call is kept here, so that no call allocates.
	to      netip.AddrPort // what name stands for
	name    unix.RawSockaddrInet6
	iovecs  [2 * maxSegments]unix.Iovec
	from    source // of what is being sent
	control controls
	header  unix.Msghdr
	sending *rawfd.Call

	// sendmsg is the system call; tests put another in its place.
	sendmsg func(fd uintptr, header *unix.Msghdr) syscall.Errno
}

func (t *transmitter) init(s *socket, log *slog.Logger) {
	t.inet4, t.log = s.local.Addr().Is4(), log
	t.sendmsg = func(fd uintptr, header *unix.Msghdr) syscall.Errno {
		_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(header)), unix.MSG_DONTWAIT)
		return errno
	}
	var fd uintptr
	call := func() (uintptr, syscall.Errno) { return 0, t.sendmsg(fd, &t.header) }
	t.sending = rawfd.Writing(s.raw, func(at uintptr) (uintptr, syscall.Errno) {
		fd = at
		return s.refusals.retry(fd, call)
	})
}

// Send implements [protocol.Conn].
func (s *socket) Send(to netip.AddrPort, datagrams []protocol.Datagram) error {
	t := &s.tx
	if err := t.address(to); err != nil {
		return err
	}
	t.from = s.peers.source(to)
	for len(datagrams) > 0 {
		n := 1
		if t.gso {
			n = fitting(datagrams)
		}
		err := t.call(datagrams[:n])
		if t.from.addr.IsValid() && refusesSource(err) { // the system is to choose
			t.from = source{}
			err = t.call(datagrams[:n])
		}
		if err != nil && n > 1 && refusesGSO(err) {
			// The card has no checksum offload (EIO), or the call has more than this kernel or path takes (EINVAL,
			// EMSGSIZE). From now on each datagram goes by itself, unless the first one alone is too large as well.
			refusal := err
			n = 1
			if err = t.call(datagrams[:n]); !errors.Is(err, unix.EMSGSIZE) {
				t.gso = false
				t.log.Warn("this system cannot send many datagrams in one call: sending them one by one from now on, which costs more CPU",
					"addr", to, "error", refusal)
			}
		}
		if errors.Is(err, unix.EPERM) {
			// A firewall may refuse the first datagram of a new flow, because it has not decided yet.
			err = t.call(datagrams[:n])
		}
		if err != nil {
			t.to = netip.AddrPort{} // its zone may name another interface by now
			return &net.OpError{Op: "send", Net: "udp", Addr: net.UDPAddrFromAddrPort(to), Err: err}
		}
		datagrams = datagrams[n:]
	}
	if err := s.refusals.claim(); err != nil { // these have left, but some earlier ones were not delivered
		return &net.OpError{Op: "send", Net: "udp", Addr: net.UDPAddrFromAddrPort(to), Err: err}
	}
	return nil
}

// refusesSource reports whether an error can mean that the source address is no longer this machine's. Linux returns
// ENETUNREACH or EINVAL for IPv4, EINVAL for IPv6, and ENODEV for the interface of a link-local address. bind(2) returns
// EADDRNOTAVAIL.
func refusesSource(err error) bool {
	return errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENODEV) ||
		errors.Is(err, unix.EADDRNOTAVAIL)
}

func refusesGSO(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMSGSIZE)
}

// fitting returns how many of the datagrams, from the first, fit into one call. All must have the same size; only the last
// may be smaller.
func fitting(datagrams []protocol.Datagram) (n int) {
	size := length(datagrams[0])
	for bytes := 0; n < len(datagrams) && n < maxSegments; n++ {
		l := length(datagrams[n])
		if bytes += l; l > size || bytes > maxCall {
			return max(n, 1)
		}
		if l < size {
			return n + 1
		}
	}
	return n
}

func length(d protocol.Datagram) int { return len(d[0]) + len(d[1]) }

// call sends datagrams that fit into one system call.
func (t *transmitter) call(datagrams []protocol.Datagram) error {
	n := 0
	for _, d := range datagrams {
		for _, part := range d {
			if len(part) > 0 {
				t.iovecs[n].Base = &part[0]
				t.iovecs[n].SetLen(len(part))
				n++
			}
		}
	}
	t.header.Iov = &t.iovecs[0]
	t.header.SetIovlen(n)
	t.control.used = 0
	if len(datagrams) > 1 {
		t.control.addSegmentSize(length(datagrams[0]))
	}
	if t.from.addr.IsValid() {
		t.control.addSource(t.from, t.inet4)
	}
	t.header.Control = (*byte)(unsafe.Pointer(&t.control.room))
	t.header.SetControllen(t.control.used)
	_, err := t.sending.Do()
	runtime.KeepAlive(datagrams)
	clear(t.iovecs[:n]) // keep nothing of what was sent
	return err
}

// address sets the destination of the next calls.
func (t *transmitter) address(to netip.AddrPort) error {
	if to == t.to && t.header.Name != nil {
		return nil
	}
	addr := to.Addr().Unmap()
	if t.inet4 {
		if !addr.Is4() {
			return &net.AddrError{Err: "an IPv4 socket cannot send to it", Addr: to.String()}
		}
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&t.name))
		name.Family, name.Port, name.Addr = unix.AF_INET, networkOrder(to.Port()), addr.As4()
		t.header.Namelen = unix.SizeofSockaddrInet4
	} else {
		t.name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: networkOrder(to.Port()), Addr: addr.As16()}
		if zone := addr.Zone(); zone != "" {
			index, err := interfaceIndex(zone)
			if err != nil {
				return &net.AddrError{Err: "no such network interface", Addr: to.String()}
			}
			t.name.Scope_id = index
		}
		t.header.Namelen = unix.SizeofSockaddrInet6
	}
	t.header.Name = (*byte)(unsafe.Pointer(&t.name))
	t.to = to
	return nil
}

// interfaceIndex returns the index of the interface that a zone names. People write its name. Addresses of received
// datagrams have the index itself.
func interfaceIndex(zone string) (uint32, error) {
	if index, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(index), nil
	}
	iface, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(iface.Index), nil
}

// networkOrder converts a port to the byte order of a sockaddr, or back.
func networkOrder(port uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(make([]byte, 0, 2), port))
}
