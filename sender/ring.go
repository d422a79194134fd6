package sender

import (
	"time"

	"udpcam/protocol"
)

const (
	// ringFrames, ringBytes and ringTime are how many frames a ring has at the most, how many bytes, and how old they
	// may get: older ones no receiver still waits for. With the parity that was computed for them the frames may take
	// up to twice that memory.
	ringFrames = 128
	ringBytes  = 16 << 20
	ringTime   = time.Second
)

// A ring keeps the frames that were sent last, so that what was lost of them can be sent again. Their IDs follow each
// other. The zero value is empty.
type ring struct {
	slots [ringFrames]ringSlot // the frame with ID i is in slot i mod ringFrames
	first uint32               // ID of the oldest
	count int
	bytes int
	spare *protocol.Outgoing
}

type ringSlot struct {
	frame *protocol.Outgoing
	sent  time.Time
}

// take returns a frame whose memory is free to be used again.
func (r *ring) take() *protocol.Outgoing {
	o := r.spare
	r.spare = nil
	if o == nil {
		o = &protocol.Outgoing{}
	}
	return o
}

// reuse takes back a frame of which nothing is sent any more.
func (r *ring) reuse(o *protocol.Outgoing) {
	o.Release()
	r.spare = o
}

// add puts in a frame, and takes out older ones as far as the bounds want it.
func (r *ring) add(o *protocol.Outgoing, now time.Time) {
	if r.count > 0 && o.FrameID() != r.first+uint32(r.count) {
		r.evict(r.count)
	}
	r.expire(now)
	for r.count > 0 && (r.count == ringFrames || r.bytes+o.Size() > ringBytes) {
		r.evict(1)
	}
	if r.count == 0 {
		r.first = o.FrameID()
	}
	r.slots[o.FrameID()%ringFrames] = ringSlot{o, now}
	r.count++
	r.bytes += o.Size()
}

// find returns the frame with that ID, or nil.
func (r *ring) find(id uint32, now time.Time) *protocol.Outgoing {
	r.expire(now)
	if id-r.first >= uint32(r.count) {
		return nil
	}
	return r.slots[id%ringFrames].frame
}

// expire takes out the frames that are too old.
func (r *ring) expire(now time.Time) {
	for r.count > 0 && now.Sub(r.slots[r.first%ringFrames].sent) > ringTime {
		r.evict(1)
	}
}

// evict takes out the oldest frames, of which it keeps the memory of one.
func (r *ring) evict(n int) {
	for range n {
		slot := &r.slots[r.first%ringFrames]
		r.bytes -= slot.frame.Size()
		r.reuse(slot.frame)
		*slot = ringSlot{}
		r.first++
		r.count--
	}
}
