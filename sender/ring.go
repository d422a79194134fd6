package sender

import (
	"time"

	"udpcam/protocol"
)

const (
	// ringFrames, ringBytes and ringTime are the most frames in a ring, the most bytes of frames, and the greatest age. No
	// receiver waits for older frames. The parity of these frames may take as much memory again.
	ringFrames = 128
	ringBytes  = 16 << 20
	ringTime   = time.Second

	// ringStart is how many bytes of memory a ring begins with. The memory doubles when it is too small.
	ringStart = 1 << 20
)

// A ring keeps copies of the frames that were sent last, to answer requests from. Their IDs are consecutive. The zero value
// is empty.
//
// The copies lie one behind the other in one piece of memory. At its end they continue at its beginning, in the place of the
// oldest:
//
//	| 5 | 6 |  room  | 2 | 3 | 4 |  |
//	        ^ end    ^ first
type ring struct {
	slots  [ringFrames]ringSlot // the frame with ID i is in slot i mod ringFrames
	first  uint32               // ID of the oldest
	count  int
	memory []byte
	end    int                // where in memory the newest frame ends
	spare  *protocol.Outgoing // for newFrame, or nil
}

type ringSlot struct {
	frame *protocol.Outgoing
	start int // where in memory its bytes are
	sent  time.Time
}

// newFrame returns a frame to be filled. It uses the memory of an old one.
func (r *ring) newFrame() *protocol.Outgoing {
	o := r.spare
	r.spare = nil
	if o == nil {
		o = &protocol.Outgoing{}
	}
	return o
}

// add copies a frame into the ring, and evicts older ones if the bounds require it.
func (r *ring) add(o *protocol.Outgoing, now time.Time) {
	if r.count > 0 && o.FrameID() != r.first+uint32(r.count) {
		r.evict(r.count)
	}
	r.expire(now)
	if r.count == ringFrames {
		r.evict(1)
	}
	start := r.makeRoom(o.Size())
	o.Move(r.memory[start:])
	if r.count == 0 {
		r.first = o.FrameID()
	}
	r.slots[o.FrameID()%ringFrames] = ringSlot{o, start, now}
	r.count++
	r.end = start + o.Size()
}

// makeRoom returns where in memory there is room for n bytes. If there is none, it enlarges the memory. If that may not grow
// any more, it evicts the oldest frames.
func (r *ring) makeRoom(n int) (start int) {
	for {
		if start, ok := r.room(n); ok {
			return start
		}
		if len(r.memory) < ringBytes {
			r.grow(n)
		} else {
			r.evict(1)
		}
	}
}

// room looks for room for n bytes behind the newest frame.
func (r *ring) room(n int) (start int, ok bool) {
	if r.count == 0 {
		return 0, n <= len(r.memory)
	}
	switch first := r.slots[r.first%ringFrames].start; {
	case r.end <= first: // the oldest frame is next
		return r.end, n <= first-r.end
	case n <= len(r.memory)-r.end:
		return r.end, true
	default: // at the beginning
		return 0, n <= first
	}
}

// grow makes the memory at least twice as large, with room for n bytes, and moves the frames there.
func (r *ring) grow(n int) {
	size := max(ringStart, 2*len(r.memory))
	for size < n {
		size *= 2
	}
	r.memory, r.end = make([]byte, min(size, ringBytes)), 0
	for i := range uint32(r.count) {
		slot := &r.slots[(r.first+i)%ringFrames]
		slot.start = r.end
		slot.frame.Move(r.memory[r.end:])
		r.end += slot.frame.Size()
	}
}

// find returns the frame with that ID, or nil.
func (r *ring) find(id uint32, now time.Time) *protocol.Outgoing {
	r.expire(now)
	if id-r.first >= uint32(r.count) {
		return nil
	}
	return r.slots[id%ringFrames].frame
}

// expire evicts the frames that are too old.
func (r *ring) expire(now time.Time) {
	for r.count > 0 && now.Sub(r.slots[r.first%ringFrames].sent) > ringTime {
		r.evict(1)
	}
}

// evict removes the n oldest frames, and keeps the memory of the last of them for newFrame.
func (r *ring) evict(n int) {
	for range n {
		slot := &r.slots[r.first%ringFrames]
		r.spare = slot.frame
		*slot = ringSlot{}
		r.first++
		r.count--
	}
}
