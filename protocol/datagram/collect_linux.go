package datagram

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A collector receives datagrams by recvmsg(2).
type collector struct {
	raw     syscall.RawConn
	dropped atomic.Uint64

	// What a call needs is kept here, so that none of it is allocated anew.
	name    unix.RawSockaddrInet6
	iovec   unix.Iovec
	control [4]cmsg // more than what the kernel has to say
	header  unix.Msghdr
	n       int
	err     error
	attempt func(fd uintptr) bool
}

func (c *collector) init(raw syscall.RawConn) {
	c.raw = raw
	c.attempt = func(fd uintptr) bool {
		for {
			c.header.Namelen = unix.SizeofSockaddrInet6
			c.header.SetControllen(int(unsafe.Sizeof(c.control)))
			n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&c.header)), unix.MSG_DONTWAIT)
			switch errno {
			case 0:
				c.n, c.err = int(n), nil
				return true
			case unix.EAGAIN:
				return false // wait for a datagram
			case unix.EINTR:
			default:
				c.err = errno
				return true
			}
		}
	}
	c.header.Name = (*byte)(unsafe.Pointer(&c.name))
	c.header.Iov = &c.iovec
	c.header.SetIovlen(1)
	c.header.Control = (*byte)(unsafe.Pointer(&c.control))
}

// Receive implements [Conn].
func (s *socket) Receive(buffer []byte) (n, size int, from netip.AddrPort, err error) {
	return s.rx.receive(buffer)
}

func (c *collector) receive(buffer []byte) (n, size int, from netip.AddrPort, err error) {
	c.iovec.Base = unsafe.SliceData(buffer)
	c.iovec.SetLen(len(buffer))
	err = c.raw.Read(c.attempt)
	runtime.KeepAlive(buffer)
	c.iovec.Base = nil
	if err == nil {
		err = c.err
	}
	if err != nil {
		return 0, 0, netip.AddrPort{}, err
	}
	return c.n, c.readControl(c.n), c.from(), nil
}

// readControl reads what the kernel says of what it returned, and returns the size of the datagrams that it joined, or
// if it joined none, n.
func (c *collector) readControl(n int) int {
	size := n
	rest := unsafe.Slice((*byte)(unsafe.Pointer(&c.control)), c.header.Controllen)
	for len(rest) >= cmsgHeader+4 {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&rest[0]))
		value := binary.NativeEndian.Uint32(rest[cmsgHeader:])
		switch {
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && value > 0:
			size = int(value)
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL:
			c.dropped.Store(uint64(value))
		}
		next := unix.CmsgSpace(int(h.Len) - cmsgHeader)
		if int(h.Len) < cmsgHeader || next > len(rest) {
			break
		}
		rest = rest[next:]
	}
	return size
}

// from is the address that name stands for.
func (c *collector) from() netip.AddrPort {
	port := networkOrder(c.name.Port)
	if c.name.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&c.name)).Addr), port)
	}
	addr := netip.AddrFrom16(c.name.Addr).Unmap()
	if c.name.Scope_id != 0 {
		addr = addr.WithZone(strconv.Itoa(int(c.name.Scope_id)))
	}
	return netip.AddrPortFrom(addr, port)
}
