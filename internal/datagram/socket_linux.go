package datagram

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A socket is a UDP socket of Linux: one system call sends up to 64 datagrams, and one may receive as many.
type socket struct {
	conn     *net.UDPConn
	raw      syscall.RawConn // conn's
	deadline deadline
	local    netip.AddrPort
	tx       transmitter
	rx       collector
	peers    peers
	refusals refusals
}

// init takes over a conn's socket and sets its options. What the kernel does not have is done without.
func (s *socket) init(conn *net.UDPConn, o Options) (err error) {
	s.local = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s.conn = conn
	if s.raw, err = conn.SyscallConn(); err != nil {
		conn.Close()
		return err
	}
	s.deadline.init(conn)
	s.tx.init(s, cmp.Or(o.Log, slog.Default()))
	s.rx.init(s)
	return s.raw.Control(func(fd uintptr) {
		growReceiveBuffer(int(fd))
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		s.tx.gso = err == nil && !o.NoGSO
		if o.DontFragment { // and do not let ICMP lower what may be sent, as IP_PMTUDISC_DO would
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
		}
		if o.Refusals {
			s.refusals.enable(int(fd))
		}
		if !o.NoGRO {
			unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1)
		}
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
}

// SetReceiveDeadline implements [protocol.Conn].
func (s *socket) SetReceiveDeadline(t time.Time) error { return s.deadline.move(t) }

// LocalAddr implements [protocol.Conn].
func (s *socket) LocalAddr() netip.AddrPort { return s.local }

// Close implements [protocol.Conn].
func (s *socket) Close() error {
	s.deadline.close()
	return s.conn.Close()
}

// growReceiveBuffer asks for ReceiveBuffer bytes: beyond the system's limit if the process may (CAP_NET_ADMIN), else up
// to it.
func growReceiveBuffer(fd int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ReceiveBuffer) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, ReceiveBuffer)
	}
}

// ReceiveBuffer returns how many bytes of received datagrams the kernel really holds, 0 where it does not tell.
func (s *socket) ReceiveBuffer() (size int) {
	s.raw.Control(func(fd uintptr) { size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF) })
	return size / 2 // socket(7): the kernel doubles the figure for its own bookkeeping, and tells the doubled one
}

// Dropped returns how many datagrams the kernel has dropped because the receive buffer was full, 0 where it does not
// tell. It learns of them with the next datagram that is received.
func (s *socket) Dropped() uint64 { return s.rx.dropped.Load() }
