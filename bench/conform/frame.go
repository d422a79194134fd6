package conform

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// A frame is a picture and its segments.
type frame struct {
	id       uint32
	jpeg     []byte
	layout   layout
	first    segment
	segments []segment // data, then parity
}

// frame makes the next frame, and sends nothing of it.
func (c *camera) frame(jpeg []byte, p int) *frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &frame{id: c.next, jpeg: jpeg, layout: layoutOf(len(jpeg), c.size)}
	c.next++
	f.first = segment{prefix: prefix{session: c.session, stream: c.stream}, frame: f.id, p: p, captured: stamp(time.Now())}
	f.segments = cut(jpeg, f.layout, f.first)
	return f
}

// parityRow makes a row that answers a request.
func (f *frame) parityRow(block, row int) segment {
	s := parityOf(f.jpeg, f.layout, f.first, block, row)
	s.typ |= answering
	return s
}

// datagram makes the datagram of a segment.
func (c *camera) datagram(s segment) []byte {
	if c.sealed() {
		return sealSegment(c.seg, s)
	}
	return append(s.header(), s.payload...)
}

// send sends segments. A pause now and then keeps the receiver's buffer from overflowing.
func (c *camera) send(segments ...segment) {
	for i, s := range segments {
		if c.write(c.datagram(s)); i%32 == 31 {
			time.Sleep(time.Millisecond)
		}
	}
}

// whole sends all of the next frame.
func (c *camera) whole(jpeg []byte, p int) *frame {
	f := c.frame(jpeg, p)
	c.send(f.segments...)
	return f
}

// without returns the segments but those at these places.
func (f *frame) without(lost ...int) (rest []segment) {
	for i, s := range f.segments {
		if !slices.Contains(lost, i) {
			rest = append(rest, s)
		}
	}
	return rest
}

// goOn announces the stream five times a second from now on, and at once when a report has come.
func (c *camera) goOn() (stop func()) {
	done := make(chan struct{})
	var once sync.Once
	stop = func() { once.Do(func() { close(done) }) }
	c.t.close = append(c.t.close, stop)
	go func() {
		reports, last := 0, time.Time{}
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if n := len(c.said(isReport)); n != reports && time.Since(last) > 50*time.Millisecond ||
				time.Since(last) >= 200*time.Millisecond {
				reports, last = n, time.Now()
				c.announce()
			}
		}
	}()
	return stop
}

// checkStrange says what a camera has heard that is not of the wire.
func (c *camera) checkStrange() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.strange) > 0 {
		c.t.broken("only reports and requests, about this session", "%s", strings.Join(c.strange[:min(3, len(c.strange))], "; "))
	}
}
