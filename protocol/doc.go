// Package protocol turns frames into datagrams and datagrams into frames.
//
// It is pure: no socket, no goroutine, and no clock of its own; where time matters, now is an argument. README.md
// beside this file is the specification of the wire.
//
// The data's way:
//
//	Frame -> Splitter -> Outgoing -> datagrams: data (header, and a view into the frame's own bytes), parity, answers
//	datagrams -> Assembler -> Frame (each payload is copied once, to its place in the frame)
//	                       -> feedback: reports and requests, back to the sender
//
// Each wire concept has one file, with its diagram and its append and parse functions: the prefix that all datagrams
// share (prefix.go), the segment header (segment.go), the announcement (announcement.go), the report (report.go) and the
// request (request.go) that receivers send, the echo by which two clocks are compared (clock.go), how a frame is laid
// out over segments (layout.go), the repair code (parity.go) and the field that it computes in (galois.go), the 48-bit
// capture time (timestamp.go), the classic wire (classic.go). What an Assembler does in its own time stands in attend.go.
// Bounds on what comes from the network are in limits.go.
package protocol
