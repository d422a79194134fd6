// Package netns makes two machines out of one: Linux network namespaces, joined by a cable that loses, delays and
// reorders packets. It needs root. Nothing remains after the process ends, even if it is killed: the kernel removes a
// namespace, with its devices and rules, when its last file and process are gone.
//
//	netem   machine A ── veth ── router: tc qdisc netem and tbf on both sides ── veth ── machine B
//	tun     machine A ── tun ── this process ── tun ── machine B
//	direct  machine A ── veth ── machine B
//
// As on a real network, a full queue drops packets and never holds back the sending socket. A queue on the machine's own
// device would behave differently: waiting packets would count against the socket's send buffer, and all packets of one
// system call would count as one. The router (in the kernel's ip_rcv) and a tun device detach packets from their sockets.
// gso_max_segs makes each packet leave by itself. TestNetnsQueueOverflows checks this.
package netns

import (
	"errors"
	"net/netip"
)

// AddrB is the address of machine B.
var AddrB = netip.MustParseAddr("10.77.2.2")

// Errors of making a cable. Each message says what to do.
var (
	// ErrRoot means that the process may not make namespaces.
	ErrRoot = errors.New("network namespaces need root and Linux: become root, or simulate (udpcam-bench loss --link sim)")
	// ErrNetem means that the kernel lacks netem, or tbf if the network needs it.
	ErrNetem = errors.New("this kernel has no netem (sch_netem) or no tbf (sch_tbf): use --link tun, run it in bench/lab, whose kernel has, " +
		"or simulate (udpcam-bench loss --link sim)")
	// ErrArguments means that tc rejects the arguments.
	ErrArguments = errors.New("tc does not take these arguments of netem or tbf")
	// ErrTun means that the kernel has no tun devices.
	ErrTun = errors.New("this kernel has no tun devices (/dev/net/tun): use --link netem, or simulate (udpcam-bench loss --link sim)")
)

// Traffic counts what a machine has sent.
type Traffic struct{ Packets, Bytes uint64 } // IPv4 headers included
