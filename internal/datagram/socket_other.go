//go:build !linux

package datagram

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"time"
	"udpcam/protocol"
)

// A socket is a UDP socket of a system other than Linux: each datagram takes a call.
type socket struct {
	conn    *net.UDPConn
	scratch []byte // where the two parts of a datagram are joined for sending
	memory  []byte // what was received
	batches [1]protocol.Batch
}

func (s *socket) init(conn *net.UDPConn, _ Options) error {
	s.conn, s.memory = conn, make([]byte, maxReceived)
	conn.SetReadBuffer(ReceiveBuffer) // what the system gives instead is not known here
	return nil
}

// rememberPeers is for Linux. Elsewhere the system chooses from which of this machine's addresses an answer comes.
func (s *socket) rememberPeers() {}

// KeepPeer is for Linux.
func (s *socket) KeepPeer(netip.AddrPort, bool) {}

// Send implements [protocol.Conn].
func (s *socket) Send(to netip.AddrPort, datagrams []protocol.Datagram) error {
	for _, d := range datagrams {
		s.scratch = append(append(s.scratch[:0], d[0]...), d[1]...)
		if _, err := s.conn.WriteToUDPAddrPort(s.scratch, to); err != nil {
			if runtime.GOOS == "darwin" && errors.Is(err, syscall.EMSGSIZE) && len(s.scratch) > darwinMax {
				return fmt.Errorf("%w: %d bytes, and macOS sends at most %d in a datagram unless told otherwise (sysctl net.inet.udp.maxdgram)",
					err, len(s.scratch), darwinMax)
			}
			return err
		}
	}
	return nil
}

// darwinMax is how many bytes macOS sends in a datagram by default.
const darwinMax = 9216

// pathMTU is how many bytes a packet to an address may have, 0 if that is not known.
func pathMTU(netip.AddrPort) int { return 0 }

// TooBig is for Linux.
func (s *socket) TooBig() []TooBig { return nil }

// Receive implements [protocol.Conn].
func (s *socket) Receive() ([]protocol.Batch, error) {
	n, from, err := s.conn.ReadFromUDPAddrPort(s.memory)
	if err != nil {
		return nil, err
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	s.batches[0] = protocol.Batch{Bytes: s.memory[:n], Size: n, From: from, At: time.Now()}
	return s.batches[:], nil
}

// ReceiveBuffer returns how many bytes of received datagrams the kernel really holds, 0 where it does not tell.
func (s *socket) ReceiveBuffer() int { return 0 }

// Dropped returns how many datagrams the kernel has dropped because the receive buffer was full, 0 where it does not
// tell.
func (s *socket) Dropped() uint64 { return 0 }

// SetReceiveDeadline implements [protocol.Conn].
func (s *socket) SetReceiveDeadline(t time.Time) error { return s.conn.SetReadDeadline(t) }

// LocalAddr implements [protocol.Conn].
func (s *socket) LocalAddr() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Close implements [protocol.Conn].
func (s *socket) Close() error { return s.conn.Close() }
