// Package sink holds the places that frames go to on this machine: files, pipes, a window, a terminal.
//
// # The data's way
//
//	receiver ──> Queue, which never makes it wait ──> recording, directory, snapshot, terminal or pipe, one write a frame
//	         ──> Window ──> a decoder for each stream ──> Run, on the main thread ──> the screen
//
// What is written is byte for byte what was put. A sink belongs to whoever opened it until it is handed to a [Queue],
// which closes it from then on. Frames are lent, see [protocol.Frame]: a sink that needs one after Put has returned keeps it.
// No sink writes to a frame.
//
// The window needs OpenCV, and with it cgo and the build tag gocv; without the tag this package is pure Go, and
// [NewWindow] says how to get a build with it.
package sink

import "udpcam/protocol"

// A Sink takes frames. Put is called from one goroutine at a time and may block for as long as the sink's device does:
// what must not wait for it puts a [Queue] between.
type Sink interface {
	// Put takes one frame, which is valid until Put returns. An error means that the sink is of no more use, and says why.
	Put(protocol.Frame) error
	// Close flushes and closes the sink. What was put before Close is whole where it went.
	Close() error
}
