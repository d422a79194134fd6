// Package netns makes two machines with a network between them out of one: network namespaces of Linux, joined by a cable
// that loses, delays and reorders packets. It needs root, and nothing that it makes has a name or outlives the process:
// the kernel removes a namespace, with its devices and rules, when the last file and process in it is gone, also after a
// kill that nobody could handle.
//
//	netem   machine A ── veth ── router: tc qdisc netem and tbf on both sides ── veth ── machine B
//	tun     machine A ── tun ── internal/tunnel, in this process ── tun ── machine B
//	direct  machine A ── veth ── machine B
//
// No socket feels what the network does with its packets: it is never held back, and what a queue has no room for is lost.
// On a machine's own device that would be otherwise: what waits there counts against the socket's send buffer, and what
// leaves in one system call counts as one packet. The router takes packets from their sockets (ip_rcv in the kernel does),
// and so does a tun device; gso_max_segs has each of them leave by itself. TestNetnsQueueOverflows looks whether it is so.
package netns

import (
	"errors"
	"net/netip"
)

// The addresses of the two machines.
var (
	AddrA = netip.MustParseAddr("10.77.1.2")
	AddrB = netip.MustParseAddr("10.77.2.2")
)

// Errors of making a cable, each of which tells the way out.
var (
	// ErrRoot is the lack of the right to make namespaces.
	ErrRoot = errors.New("network namespaces need root and Linux: become root, or simulate (udpcam-bench loss --link sim)")
	// ErrNetem is a kernel without netem, or without tbf if that is asked for.
	ErrNetem = errors.New("this kernel has no netem (sch_netem) or no tbf (sch_tbf): use --link tun, run it in bench/lab, whose kernel has, " +
		"or simulate (udpcam-bench loss --link sim)")
	// ErrArguments is a network in words that tc does not know.
	ErrArguments = errors.New("tc does not take these arguments of netem or tbf")
	// ErrTun is a kernel without tun devices.
	ErrTun = errors.New("this kernel has no tun devices (/dev/net/tun): use --link netem, or simulate (udpcam-bench loss --link sim)")
)

// Traffic counts what a machine has sent.
type Traffic struct{ Packets, Bytes uint64 } // IPv4 headers included
