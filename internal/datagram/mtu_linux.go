package datagram

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// pathMTU is how many bytes a packet to an address may have, 0 if that is not known. The kernel tells it for a connected
// socket (ip(7)), so this function makes one.
func pathMTU(to netip.AddrPort) (mtu int) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return 0
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	level, name := unix.IPPROTO_IPV6, unix.IPV6_MTU
	if to.Addr().Unmap().Is4() {
		level, name = unix.IPPROTO_IP, unix.IP_MTU
	}
	raw.Control(func(fd uintptr) { mtu, _ = unix.GetsockoptInt(int(fd), level, name) })
	return mtu
}
