// Package sink holds the places that frames go to on this machine: files, pipes, a window.
package sink

import "udpcam/protocol"

// A Sink takes frames. Put is called from one goroutine at a time and may block for as long as the sink's device does:
// what must not wait for it puts a [Queue] between.
type Sink interface {
	// Put takes one frame. An error means that the sink is of no more use, and says why.
	Put(protocol.Frame) error
	// Close flushes and closes the sink. What was put before Close is whole where it went.
	Close() error
}
