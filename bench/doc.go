// Package bench measures udpcam, and beside it what people use today: what arrives over a lossy network, how late, and at
// what cost. Each measurement is one function, which returns a [Report]: rows of what was asked and what came of it, with
// the machine, kernel, versions and flags that made them. A report is written as JSON, CSV, a table for terminals or
// Markdown, and drawn.
//
//	cmd/udpcam-bench ──> Loss     sender, receiver ── protocol.Conn ── a network ── protocol.Conn
//	                     Compare  a sender's process: stdin ── a network ── a receiver's process: stdout
//	                     Speed    sender, receiver, as fast as they go, on loopback
//	                     Fanout   a server's process ──> viewers, some of which stall
//	                     Delay    the test pattern, read back at each stage up to a browser's page
//	                        │
//	                        └──> Report ──> JSON, CSV, table, plot
//
// The networks, which packages below this one make, all take the same scenarios, in the words of netem and tbf
// (scenario.go). A scenario may change while frames cross it, and a second camera may join:
//
//	internal/netsim  simulated time: any machine, fast, the same in every run
//	internal/netns    network namespaces with a cable between them: real sockets, real programs, and on the cable
//	                   netem   the kernel's own emulation, where it has it, on a router in the middle
//	                   tun     the same done by internal/tunnel, a program that carries each packet: any Linux, as root
//
// Beside them bench/internal/relay feeds frames to one process and sees them come out of another, bench/internal/browser sees what a page
// shows, internal/trace records every datagram's fate and explains lost frames, and bench/internal/plot draws. What is measured knows
// nothing of all this: sender and receiver get a conn and a clock, processes get pipes.
package bench
