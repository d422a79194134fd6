package protocol

import (
	"cmp"
	"slices"
	"time"
)

// An ordering holds the frames of one stream, sorted by ID, until they are handed on or dropped. It also remembers the last
// few finished ones.
type ordering struct {
	config *AssemblerConfig
	memory *frameMemory
	tally  *Stats

	open     bool      // whether frame IDs may be forged
	started  bool      // whether a frame has been handed on
	handed   time.Time // when the last one was
	before   uint64    // which frames were handed on before the newest: bit i for the one with ID newest - i
	stray    stray
	newest   uint32 // ID of the last frame that was handed on; before the first one, an ID far below those that come
	reach    uint32 // ID of the newest frame that was handed on, or that the sender has left out
	pending  []*pendingFrame
	finished []*pendingFrame // datagrams of these may still come
	known    uint32          // how many frames were finished since the one with ID newest
}

// frame returns the frame that a segment belongs to. If there is none, it returns the reason.
func (o *ordering) frame(seg *segment, now time.Time) (p *pendingFrame, why DatagramDrop) {
	joining := !o.started && len(o.pending) == 0
	if joining {
		o.newest = seg.FrameID - 1<<30 // older frames may still come
		o.reach = o.newest
	}
	switch ahead := int32(seg.FrameID - o.newest); {
	case o.open && o.started && (ahead <= 0 || o.tooFar(seg.FrameID)) && o.goesOn(seg.FrameID, now):
		o.restart(seg.FrameID)
	case ahead <= 0:
		return find(o.finished, seg.FrameID), DatagramLate
	case o.open && o.started && o.tooFar(seg.FrameID):
		return nil, DatagramStray
	}
	if p = find(o.pending, seg.FrameID); p == nil {
		p = o.memory.newFrame(seg.FrameID, now.Add(o.config.Deadline))
		p.partial = joining && seg.index != 0
		if !o.insert(p, now) {
			o.memory.spare = p
			return nil, DatagramOverLimit
		}
	}
	if p.state == done && !p.header.sameFrame(&seg.segmentHeader) { // what was given up was no frame of the sender's
		*p = pendingFrame{id: p.id, deadline: now.Add(o.config.Deadline)}
	}
	if p.state == unseen {
		p.open(seg, o.memory)
	}
	return p, 0
}

// useless reports whether a segment is certainly of no use, and why. It looks only at the header.
func (o *ordering) useless(seg *segment) (why DatagramDrop, useless bool) {
	p := find(o.pending, seg.FrameID)
	if p == nil {
		p = find(o.finished, seg.FrameID)
	}
	switch {
	case p == nil:
		return DatagramLate, (o.started || len(o.pending) > 0) && !Newer(seg.FrameID, o.newest)
	case p.state == unseen:
		return 0, false
	case !seg.repair: // the first time it is of use even for a finished frame: arrivals counts it
		return DatagramDuplicate, p.arrivals.seen.has(p.arrivals.place(seg))
	}
	if p.state == collecting && !p.header.sameFrame(&seg.segmentHeader) {
		return DatagramInconsistent, true
	}
	return p.useless(seg)
}

// find returns the frame with that ID, or nil.
func find(frames []*pendingFrame, id uint32) *pendingFrame {
	for _, p := range slices.Backward(frames) { // nearly always the newest
		if p.id == id {
			return p
		}
	}
	return nil
}

// insert adds a new frame. It also adds the frames of which nothing came, but which must have been sent before it. If there
// are too many frames, the one of which least has come gives way, of equal ones the oldest. If the new frame is older than
// all, insert returns false and does not add it.
func (o *ordering) insert(p *pendingFrame, now time.Time) bool {
	at, _ := slices.BinarySearchFunc(o.pending, p.id, func(q *pendingFrame, id uint32) int {
		return cmp.Compare(q.id-o.newest, id-o.newest)
	})
	if len(o.pending) >= maxPendingFrames {
		if at == 0 {
			return false
		}
		least := slices.MinFunc(o.pending, func(p, q *pendingFrame) int { return cmp.Compare(p.arrived, q.arrived) })
		gone := slices.Index(o.pending, least)
		o.drop(least, FrameSuperseded)
		o.pending = slices.Delete(o.pending, gone, gone+1)
		o.known++
		if gone < at {
			at--
		}
	}
	o.pending = slices.Insert(o.pending, at, p)
	for _, older := range o.pending[:at] {
		if older.arrivals.over.IsZero() {
			older.arrivals.over = now // the sender has gone on to a newer frame
		}
	}
	switch newest := at == len(o.pending)-1; {
	case !newest:
		p.arrivals.over = now
	case o.started && !o.config.OneWay:
		o.insertUnseen(p, now)
	}
	return true
}

// insertUnseen adds the frames between p, the newest, and the one before it.
func (o *ordering) insertUnseen(p *pendingFrame, now time.Time) {
	last := o.newest
	if n := len(o.pending); n > 1 {
		last = o.pending[n-2].id
	}
	if p.id-last-1 > maxAskedGap || len(o.pending)+int(p.id-last-1) > maxPendingFrames {
		return
	}
	for id := last + 1; id != p.id; id++ {
		gap := o.memory.newFrame(id, now.Add(o.config.Deadline))
		gap.arrivals.over = now
		o.pending = slices.Insert(o.pending, len(o.pending)-1, gap)
	}
}

// expire drops the frames whose deadline has passed.
func (o *ordering) expire(now time.Time) {
	for _, p := range o.pending {
		if p.waits() && !now.Before(p.deadline) {
			o.drop(p, FrameLate)
		}
	}
}

// next removes and returns the next frame to hand on: the first whole one. If it has to wait for an older frame, next
// returns nil and the time until which it waits. The frame's bytes are the caller's.
func (o *ordering) next(latency time.Duration, now time.Time) (p *pendingFrame, until time.Time) {
	first, waits := 0, false
	for first < len(o.pending) && o.pending[first].state != whole {
		waits = waits || o.pending[first].waits() && !o.pending[first].partial
		first++
	}
	if first == len(o.pending) {
		return nil, until
	}
	p = o.pending[first]
	if until = p.wholeAt.Add(latency); waits && now.Before(until) {
		return nil, until
	}
	for _, older := range o.pending[:first] {
		o.drop(older, FrameSuperseded)
	}
	o.finish(first)
	if gap := p.id - o.newest; o.started && gap <= maxCountedGap {
		// The known frames in the gap were counted when they were dropped.
		o.tally.Dropped[FrameLost] += uint64(gap - 1 - min(o.known, gap-1))
	}
	o.finish(1)
	o.before = o.before<<(p.id-o.newest) | 1
	o.started, o.newest, o.known, o.handed, o.stray = true, p.id, 0, now, stray{}
	if !Newer(o.reach, o.newest) {
		o.reach = o.newest
	}
	for last := len(o.pending) - 1; o.open && last >= 0 && o.tooFar(o.pending[last].id); last-- { // they came first
		o.pending[last].partial = true
		o.drop(o.pending[last], FrameLate)
		o.pending = o.pending[:last]
	}
	return p, until
}

// tooFar reports whether a frame is too far ahead to be one of the next.
func (o *ordering) tooFar(id uint32) bool { return int32(id-o.reach) > maxAhead }

// A stray counts frames, in order, that do not continue the frames that were handed on.
type stray struct {
	id     uint32 // of the newest one
	frames int
	since  time.Time // when the first segment of the first one came
}

// goesOn notes a segment whose frame is late, or far ahead, and reports whether the stream goes on from this frame. One
// such frame changes nothing: it may be forged. But if several come in order, and no others, then the stream goes on there.
func (o *ordering) goesOn(id uint32, now time.Time) bool {
	if o.before>>(o.newest-id)&1 != 0 {
		return false // this frame was handed on
	}
	switch ahead := id - o.stray.id; {
	case o.stray.frames == 0:
		o.stray = stray{id, 1, now}
	case ahead == 0:
	case ahead <= maxAhead:
		o.stray.id = id
		o.stray.frames++
	default:
		o.stray = stray{id, 1, now}
	}
	since := o.stray.since
	if Newer(id, o.newest) {
		since = o.handed // the path may have been down for long, so nothing needs to be waited for
	}
	return o.stray.frames >= strayFrames && now.Sub(since) >= straySilence
}

// restart makes the frame with that ID the next one. It drops all others.
func (o *ordering) restart(id uint32) {
	for _, p := range o.pending {
		p.partial = true // the sender did not send it
		o.drop(p, FrameSuperseded)
	}
	o.finish(len(o.pending))
	if gap := id - o.newest; gap <= maxCountedGap {
		o.tally.Dropped[FrameLost] += uint64(gap - 1)
	}
	o.newest, o.reach, o.known, o.before, o.stray = id-1, id-1, 0, 0, stray{}
}

// header returns the header of a frame, nil if nothing of it has come lately.
func (o *ordering) header(id uint32) *segmentHeader {
	for _, frames := range [][]*pendingFrame{o.pending, o.finished} {
		if p := find(frames, id); p != nil && p.layout.length > 0 {
			return &p.header
		}
	}
	return nil
}

// drop drops a frame and frees its memory.
func (o *ordering) drop(p *pendingFrame, reason FrameDrop) {
	if p.state == done {
		return
	}
	if p.state == unseen {
		reason = FrameLost
	}
	if !p.partial {
		o.tally.Dropped[reason]++
	}
	o.memory.pool.Put(p.bytes)
	p.free(o.memory)
}

// finish moves the first n pending frames to the finished ones.
func (o *ordering) finish(n int) {
	o.known += uint32(n)
	o.finished = append(o.finished, o.pending[:n]...)
	o.pending = slices.Delete(o.pending, 0, n)
}

// forget removes and returns the oldest finished frame, if there are too many. Else it returns nil.
func (o *ordering) forget() (p *pendingFrame) {
	if len(o.finished) > finishedKept {
		p = o.finished[0]
		o.finished = slices.Delete(o.finished, 0, 1)
	}
	return p
}
