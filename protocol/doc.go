// Package protocol turns frames into datagrams and datagrams into frames.
//
// It is pure: no socket, no goroutine, and no clock of its own; where time matters, now is an argument. README.md
// beside this file is the specification of the wire.
//
// The data's way:
//
//	Frame -> Splitter  -> datagrams (header, and a view into the frame's own bytes: nothing is copied)
//	datagrams -> Assembler -> Frame (each payload is copied once, to its place in the frame)
//
// Each wire concept has one file, with its diagram and its append and parse functions: the prefix that all datagrams
// share (prefix.go), the segment header (segment.go), the announcement (announcement.go), how a frame is laid out over
// segments (layout.go), the 48-bit capture time (timestamp.go), the classic wire (classic.go). Every bound on what
// comes from the network is in limits.go.
package protocol
