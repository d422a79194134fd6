// Package datagram moves UDP datagrams between a socket and memory, with as few system calls, wake-ups and copies as the
// system allows.
//
// [Conn] is the seam between udpcam's sender and receiver and the network: [UDP] is the real thing; internal/netsim
// has one that lives in memory, in which sender and receiver meet in tests.
//
// On Linux a UDP sends many datagrams in one call, straight from the memory they lie in (UDP_SEGMENT, Linux 4.18), and
// receives many in one call (recvmmsg), those that the kernel has joined (UDP_GRO, Linux 5.0) as one. Both are probed for
// when the socket is opened, and where the network card, a firewall or the path refuses, UDP falls back to one call a
// datagram by itself. Other systems have one call a datagram, and one copy on sending.
//
// A peer is answered from the address that it sent to, also where this machine has several: the peer takes answers from
// no other. Only on Linux: elsewhere the system chooses the address, and a receiver is best told to listen on one.
package datagram

// maxReceived is how many bytes one datagram has at the most, or those that the kernel joins.
const maxReceived = 1<<16 - 1
