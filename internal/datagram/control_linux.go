package datagram

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cmsg is the room for one control message (cmsg(3)) with a value as large as the largest of ours, an in6_pktinfo.
type cmsg struct {
	unix.Cmsghdr
	value [24]byte
}

const cmsgHeader = int(unsafe.Sizeof(unix.Cmsghdr{}))

// controls are the control messages that go with a call of sendmsg(2). The zero value has none.
type controls struct {
	room [2]cmsg // memory for the messages, one behind the other
	used int     // bytes
}

// add adds a message and returns where its value goes: size bytes, aligned for numbers of 32 bits.
func (c *controls) add(level, kind int32, size int) (value []byte) {
	room := unsafe.Slice((*byte)(unsafe.Pointer(&c.room)), unsafe.Sizeof(c.room))[c.used:]
	clear(room[:unix.CmsgSpace(size)])
	h := (*unix.Cmsghdr)(unsafe.Pointer(&room[0]))
	h.Level, h.Type = level, kind
	h.SetLen(cmsgHeader + size)
	c.used += unix.CmsgSpace(size)
	return room[cmsgHeader:][:size]
}

// addSegmentSize says that the call has several datagrams, and how many bytes each has.
func (c *controls) addSegmentSize(bytes int) {
	binary.NativeEndian.PutUint16(c.add(unix.SOL_UDP, unix.UDP_SEGMENT, 2), uint16(bytes))
}

// addSource says from which address of this machine the datagrams leave. inet4 is the family of the socket. An IPv6 socket
// takes an IPv4 source as IPv4-mapped.
func (c *controls) addSource(from source, inet4 bool) {
	if inet4 {
		info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&c.add(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)[0]))
		info.Spec_dst = from.addr.As4()
		return
	}
	info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&c.add(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)[0]))
	info.Addr, info.Ifindex = from.addr.As16(), from.iface
}

// readSource returns the address of this machine that a datagram was sent to, from a control message. It returns the zero
// source for other messages, and for addresses that cannot send answers, such as a multicast group.
func readSource(h *unix.Cmsghdr, value []byte) source {
	switch {
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(value) >= unix.SizeofInet4Pktinfo:
		// ip(7): if a datagram was sent to a group or a broadcast address, this is the interface's own address.
		return source{addr: netip.AddrFrom4((*unix.Inet4Pktinfo)(unsafe.Pointer(&value[0])).Spec_dst)}
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(value) >= unix.SizeofInet6Pktinfo:
		info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&value[0]))
		s := source{addr: netip.AddrFrom16(info.Addr).Unmap()}
		if s.addr.IsMulticast() {
			return source{}
		}
		if s.addr.Is6() && s.addr.IsLinkLocalUnicast() {
			s.iface = info.Ifindex
		}
		return s
	}
	return source{}
}
