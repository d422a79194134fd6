//go:build !linux

package datagram

import (
	"net"
	"net/netip"
)

// A batch is what a system other than Linux does about many datagrams: one call each.
type batch struct {
	conn    *net.UDPConn
	scratch []byte // where the two parts of a datagram are joined for sending
}

func (b *batch) open(conn *net.UDPConn, _ Options) error {
	b.conn = conn
	conn.SetReadBuffer(ReceiveBuffer) // what the system gives instead is not known here
	return nil
}

// Send implements [Conn].
func (b *batch) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	for _, d := range datagrams {
		b.scratch = append(append(b.scratch[:0], d[0]...), d[1]...)
		if _, err := b.conn.WriteToUDPAddrPort(b.scratch, to); err != nil {
			return err
		}
	}
	return nil
}

// Receive implements [Conn].
func (b *batch) Receive(buffer []byte) (n, size int, from netip.AddrPort, err error) {
	n, from, err = b.conn.ReadFromUDPAddrPort(buffer)
	return n, n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

// ReceiveBuffer returns how many bytes of received datagrams the kernel really holds, 0 where it does not tell.
func (b *batch) ReceiveBuffer() int { return 0 }

// Dropped returns how many datagrams the kernel has dropped because the receive buffer was full, 0 where it does not
// tell.
func (b *batch) Dropped() uint64 { return 0 }
