package datagram

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A batch is what Linux does about many datagrams: one system call for up to 64.
type batch struct {
	raw syscall.RawConn
	tx  transmitter
	rx  collector
}

// open sets the socket's options. What the kernel does not have is done without.
func (b *batch) open(conn *net.UDPConn, o Options) (err error) {
	if b.raw, err = conn.SyscallConn(); err != nil {
		return err
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	b.tx.init(b.raw, local.Is4())
	b.rx.init(b.raw)
	return b.raw.Control(func(fd uintptr) {
		growReceiveBuffer(int(fd))
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		b.tx.gso = err == nil && !o.NoGSO
		if !o.NoGRO {
			unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1)
		}
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	})
}

// growReceiveBuffer asks for ReceiveBuffer bytes: beyond the system's limit if the process may (CAP_NET_ADMIN), else up
// to it.
func growReceiveBuffer(fd int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ReceiveBuffer) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, ReceiveBuffer)
	}
}

// ReceiveBuffer returns how many bytes of received datagrams the kernel really holds, 0 where it does not tell.
func (b *batch) ReceiveBuffer() (size int) {
	b.raw.Control(func(fd uintptr) { size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF) })
	return size / 2 // socket(7): the kernel doubles the figure for its own bookkeeping, and tells the doubled one
}

// Dropped returns how many datagrams the kernel has dropped because the receive buffer was full, 0 where it does not
// tell. It learns of them with the next datagram that is received.
func (b *batch) Dropped() uint64 { return b.rx.dropped.Load() }

// cmsg is one control message as the kernel reads and writes it, with room for the one number that each of ours has.
type cmsg struct {
	unix.Cmsghdr
	value [8]byte
}

const cmsgHeader = int(unsafe.Sizeof(unix.Cmsghdr{}))
