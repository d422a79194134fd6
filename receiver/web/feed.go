package web

import (
	"sync"
	"sync/atomic"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A feed hands the newest picture to its viewers. They read newest without a lock.
type feed struct {
	newest atomic.Pointer[item]

	mu      sync.Mutex
	entered int       // viewers and snapshots
	left    time.Time // when a viewer last left
	dropped bool      // its stream has been forgotten: nothing will come
}

// An item is what a feed holds until the next picture.
type item struct {
	part *part         // nil before the first picture, and when the last is forgotten
	last *part         // the picture before it or nil, for a viewer that has missed only that
	seq  uint64        // counts the pictures: a gap tells a viewer how many it has missed
	over chan struct{} // closed when the feed holds another item
}

func newFeed() *feed {
	f := &feed{}
	f.newest.Store(&item{over: make(chan struct{})})
	return f
}

// put makes p the newest picture and wakes everyone who waits for it.
func (f *feed) put(p *part) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.newest.Load()
	f.replace(&item{part: p, last: old.part, seq: old.seq + 1})
}

// clear forgets the newest picture, which would be stale when pictures come again.
func (f *feed) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replace(&item{seq: f.newest.Load().seq})
}

func (f *feed) replace(it *item) {
	it.over = make(chan struct{})
	close(f.newest.Swap(it).over)
}

// enter counts one more viewer, unless the feed has been dropped.
func (f *feed) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped {
		return false
	}
	f.entered++
	return true
}

func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entered--
	f.left = time.Now()
}

// audience returns how many watch, and when one last left.
func (f *feed) audience() (watchers int, left time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entered, f.left
}

// drop refuses all viewers from now on. If somebody watches, it does nothing.
func (f *feed) drop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = f.entered == 0
	return f.dropped
}

// A part is a picture with what is sent before it. It is made once, sent to every viewer, and never changed.
type part struct {
	header   []byte // in a multipart stream
	message  []byte // in a message to the page
	frame    protocol.Frame
	number   uint32        // counts the pictures of a server
	captured time.Time     // by this machine's clock, as far as the sender's is known
	came     time.Time     // when the server got it
	interval time.Duration // between pictures of the stream, 0 if not known
}

// render makes what is sent before the picture.
func (p *part) render() {
	const longest = 112 + 10 + pictureHeaderSize // bytes: one allocation for both
	b := mjpeg.AppendPartHeader(make([]byte, 0, longest), len(p.frame.JPEG), p.frame.Captured)
	n := len(b)
	b = appendPictureMessage(b, p.number, p.captured, p.came, len(p.frame.JPEG))
	p.header, p.message = b[:n:n], b[n:]
}
