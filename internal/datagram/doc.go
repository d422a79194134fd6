// Package datagram moves UDP datagrams between a socket and memory, with as few system calls, wake-ups and copies as the
// system allows.
//
//	conn, err := datagram.Listen(ctx, ":12345", datagram.Options{})
//	batches, err := conn.Receive() // waits for the first datagram
//	for b := range batches[0].All() { ... }
//	conn.Send(batches[0].From, []protocol.Datagram{{header, payload}})
//
// [UDP] is a real socket. It implements [protocol.Conn], the seam between sender or receiver and the network. Package
// netsim has another implementation, a network in memory.
//
// On Linux one call sends many datagrams, without a copy (UDP_SEGMENT, Linux 4.18), and one call receives many (recvmmsg
// and UDP_GRO, Linux 5.0). Where the kernel, the network card or the path refuses this, each datagram takes a call of its
// own. On other systems it always does, and sending copies it once.
//
// On Linux an answer leaves from the address that the peer has sent to, because a peer takes answers from no other. Other
// systems choose the address themselves: there a receiver on a machine with several addresses should listen on one of them.
package datagram
