// Package protocol turns frames into datagrams and datagrams into frames. It is for programs with a transport of their own.
// Other programs use packages sender and receiver.
//
//	splitter.Split(&outgoing, frame, 0)   // outgoing.Data() and outgoing.Parity() are the datagrams to send
//
//	assembler.Add(datagram, from, now)    // for each datagram that comes; and Expire at Deadline
//	for f, ok := assembler.Next(); ok; f, ok = assembler.Next() {
//		// a whole frame, valid until Next is called again
//	}
//
// The package is pure: it has no socket, no goroutine and no clock. The time is an argument. README.md in this folder
// specifies the wire.
//
//	Frame -> Splitter -> Outgoing -> datagrams: data (header, and a view into the frame's own bytes), parity, answers
//	datagrams -> Assembler -> Frame (each payload is copied once, to its place in the frame)
//	                       -> feedback: reports and requests, back to the sender
//
// Each wire concept has one file, with its diagram and its append and parse functions: the prefix that all datagrams
// share (prefix.go), the segment header (segment.go), the announcement (announcement.go), the report (report.go) and the
// request (request.go) of receivers, the clock echo (clock.go), the layout of a frame (layout.go), the repair code
// (parity.go) and its field (galois.go), keys (key.go) and sealed datagrams (seal.go), the capture time (timestamp.go) and
// the classic wire (classic.go).
//
// An Assembler (assembler.go) gives each datagram to its stream (stream.go) and bounds the memory. A stream has three
// parts: its frames place segments and repair (placing.go), ordering hands frames on (ordering.go), and asking tells the
// sender what is missing (asking.go). Sealed datagrams are opened before (opening.go). How long a stream waits and how
// often it asks stands in policy.go. How receivers come to a sender's port by themselves is in subscription.go: a Subscriber
// asks, and a Doorkeeper answers. Bounds on what comes from the network are in limits.go.
package protocol
