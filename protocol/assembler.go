package protocol

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// DefaultDeadline is how long after its first segment a frame may become whole.
const DefaultDeadline = time.Second

// An AssemblerConfig says how datagrams become frames. The zero value is the documented default.
type AssemblerConfig struct {
	// Deadline is how long after its first segment a frame is given up. 0 means DefaultDeadline.
	Deadline time.Duration
	// Latency is how long a whole frame may wait for an older one that can still be repaired. 0 means as long as about
	// three round trips take, at most 150 ms; on a local network that is some 10 ms, and only when something was lost.
	// Less than 0 means not at all.
	Latency time.Duration
	// OneWay turns off feedback: nothing is reported to senders or asked of them.
	OneWay bool
}

// An Assembler turns udpcam/1 datagrams, of any number of senders and in any order, into frames. What parity can repair
// is repaired; for what it cannot the sender is asked. Frames of a stream are handed on in order, each the moment that it
// is whole, unless an older one that is not may still become so: that is waited for a little, then dropped, so that what
// is handed on never goes backwards.
//
// Call Add for each datagram and Expire when Deadline has come, and after either take what Next and NextFeedback have.
// Nothing of a datagram is kept. A frame is valid until Next is called again: see [Frame]. An Assembler is for one
// goroutine at a time.
//
// A stream is known by the session and stream number in its datagrams, not by the address they come from, so that a
// sender may reach the receiver by several paths at once, each filling what the other lost.
type Assembler struct {
	config   AssemblerConfig
	streams  map[streamKey]*stream
	latest   *stream // of the last datagram
	pool     Pool
	spare    *pendingFrame // one that is done with, for its memory
	ready    []Frame
	feedback []outgoingFeedback
	stats    Stats
}

// NewAssembler returns an assembler with no streams.
func NewAssembler(c AssemblerConfig) *Assembler {
	c.Deadline = cmp.Or(c.Deadline, DefaultDeadline)
	return &Assembler{config: c, streams: map[streamKey]*stream{}}
}

// Add takes in the datagram b that came from an address.
func (a *Assembler) Add(b []byte, from netip.AddrPort, now time.Time) {
	a.stats.Datagrams++
	p, err := parsePrefix(b)
	if err != nil {
		a.stats.LeftOut[DatagramForeign]++
		return
	}
	switch p.Type {
	case typeData, typeParity, typeData | typeRepair, typeParity | typeRepair:
		seg, err := parseSegment(p, b)
		if err != nil {
			a.stats.LeftOut[DatagramMalformed]++
			return
		}
		s := a.stream(p, len(b), from, now)
		a.addSegment(s, &seg, now)
		a.attend(s, now)
	case typeAnnouncement:
		announced, clock, err := parseAnnouncement(b)
		if err != nil {
			a.stats.LeftOut[DatagramMalformed]++
			return
		}
		s := a.stream(p, len(b), from, now)
		s.clock.hear(clock, now)
		a.name(s, announced, now)
		a.release(s)
		a.attend(s, now)
	default:
		a.stats.LeftOut[DatagramUnknownType]++
	}
}

// Next takes the next frame that is ready to be handed on. It is lent until Next is called again.
func (a *Assembler) Next() (Frame, bool) {
	a.pool.TakeBack()
	if len(a.ready) == 0 {
		return Frame{}, false
	}
	f := a.ready[0]
	a.ready = slices.Delete(a.ready, 0, 1)
	return a.pool.Lend(f), true
}

// Deadline returns when Expire is to be called, the zero time if nothing waits. It may change with every Add.
func (a *Assembler) Deadline() (next time.Time) {
	for _, s := range a.streams {
		if next.IsZero() || s.wake.Before(next) {
			next = s.wake
		}
	}
	return next
}

// Expire does what time alone brings about: it asks for what is missing, stops waiting for frames whose time has passed,
// reports to senders, names the streams that have not been announced and forgets those that have long been silent.
func (a *Assembler) Expire(now time.Time) {
	for _, s := range a.streams {
		if now.Sub(s.seen) >= streamExpiry {
			a.forget(s)
			continue
		}
		if s.unnamed() && s.displaced.IsZero() && now.Sub(s.joined) >= nameWait {
			a.name(s, Announcement{}, now)
			a.release(s)
		}
		a.attend(s, now)
	}
}

// Stats returns what has been counted so far.
func (a *Assembler) Stats() Stats {
	st := a.stats
	st.Streams = len(a.streams)
	return st
}

// Streams returns what is known of each stream that has a name, in the order of their names.
func (a *Assembler) Streams() []StreamInfo {
	var infos []StreamInfo
	for _, s := range a.streams {
		if s.unnamed() {
			continue
		}
		info := StreamInfo{Name: s.label, From: s.from, Announced: s.announced, Seen: s.seen, Stats: s.stats}
		info.RTT, _ = s.clock.RTT()
		info.ClockOffset, info.ClockUncertainty, info.ClockKnown = s.clock.Offset()
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}

// addSegment puts a segment in its place, and with it, if that is possible now, those that are missing.
func (a *Assembler) addSegment(s *stream, seg *segment, now time.Time) {
	p := a.frameOf(s, seg, now)
	if p == nil {
		return
	}
	if !seg.repair {
		if p.arrivals.data > 0 && p.arrivals.over.IsZero() {
			s.gap = max(s.gap, min(now.Sub(p.arrivals.last), maxReorder))
		}
		came := p.arrivals.came()
		s.reorder = max(s.reorder, min(p.arrivals.note(seg, now), maxReorder))
		if p.arrivals.closed && p.arrivals.came() > came { // it had been taken for lost
			s.report.Late++
			a.stats.Received++
			s.stats.Received++
		}
	}
	switch {
	case !p.wholeAt.IsZero():
		a.stats.LeftOut[DatagramSpare]++
		return
	case p.state == done:
		a.stats.LeftOut[DatagramLate]++
		return
	}
	if !p.header.sameFrame(&seg.segmentHeader) {
		a.stats.LeftOut[DatagramInconsistent]++
		return
	}
	before := p.memory()
	placed := a.place(s, p, seg)
	if placed {
		if seg.repair {
			p.helped, s.unanswered = true, 0
		}
		s.largest = max(s.largest, p.arrived)
		a.repair(s, p, int(seg.Block))
	}
	a.stats.Pending += p.memory() - before
	a.evict(p)
	if placed && p.missing == 0 {
		a.complete(s, p, now)
	}
}

// frameOf returns the frame that a segment belongs to, or nil if the segment is of no use.
func (a *Assembler) frameOf(s *stream, seg *segment, now time.Time) *pendingFrame {
	joining := !s.started && len(s.pending) == 0
	if joining {
		s.newest = seg.FrameID - 1<<30 // so that older frames of a stream that is joined may still come
	}
	if !Newer(seg.FrameID, s.newest) {
		if p := s.findFinished(seg.FrameID); p != nil {
			return p
		}
		a.stats.LeftOut[DatagramLate]++
		return nil
	}
	p := s.find(seg.FrameID)
	if p == nil {
		p = a.newFrame(seg.FrameID, now)
		p.partial = joining && seg.index != 0
		if !a.insert(s, p, now) {
			a.stats.LeftOut[DatagramOverLimit]++
			return nil
		}
	}
	if p.state == unseen {
		p.open(seg)
	}
	return p
}

// place copies a segment to where it belongs, and reports whether it was of use.
func (a *Assembler) place(s *stream, p *pendingFrame, seg *segment) bool {
	if seg.parity {
		switch b := &p.blocks[seg.Block]; {
		case b.missing == 0:
			return false // the block can do without
		case b.has(seg.index):
			a.stats.LeftOut[DatagramDuplicate]++
			return false
		}
		p.keep(seg)
		return true
	}
	if p.have.has(seg.index) {
		a.stats.LeftOut[DatagramDuplicate]++
		return false
	}
	_, end := p.layout.span(seg.index)
	if _, ok := p.reserve(end, 2*s.largest, &a.pool); !ok {
		a.stats.LeftOut[DatagramOverLimit]++
		return false
	}
	p.put(seg.index, seg.payload)
	return true
}

// repair rebuilds what is missing of a block, if there is enough parity for it.
func (a *Assembler) repair(s *stream, p *pendingFrame, block int) {
	if b := p.blocks[block]; b.missing == 0 || len(b.parity) < b.missing {
		return
	}
	if _, ok := p.reserve(p.layout.segments()*p.layout.stride, 2*s.largest, &a.pool); !ok {
		return // so little of the frame is here that its size cannot be believed yet
	}
	if p.repair(block) {
		p.repaired = true
	}
}

// complete checks a frame of which all segments are here.
func (a *Assembler) complete(s *stream, p *pendingFrame, now time.Time) {
	jpeg := p.bytes[:p.layout.length]
	switch {
	case checksum(jpeg) != p.header.CRC:
		a.drop(s, p, FrameCorrupt)
	case !LooksLikeJPEG(jpeg):
		a.drop(s, p, FrameNotJPEG)
	default:
		p.state, p.wholeAt = whole, now
		s.whole = now
	}
}

// handOn hands on the frame at the front of the stream's pending frames, which is whole.
func (a *Assembler) handOn(s *stream, now time.Time) {
	p := s.pending[0]
	if gap := p.id - s.newest; s.started && gap <= maxCountedGap {
		// Those of the gap that were known of have been counted as they were dropped.
		lost := gap - 1 - min(s.known, gap-1)
		a.stats.Dropped[FrameLost] += uint64(lost)
		s.stats.Dropped[FrameLost] += uint64(lost)
	}
	switch {
	case p.helped:
		a.stats.ByRequest++
		s.stats.ByRequest++
	case p.repaired:
		a.stats.ByParity++
		s.stats.ByParity++
	}
	a.stats.Pending -= p.memory()
	s.newest, s.started = p.id, true
	s.held = Frame{ID: p.id, Captured: timeNear(p.header.Captured, now), JPEG: p.bytes[:p.layout.length]}
	p.free()
	s.finish(1)
	s.known = 0
	s.reorder -= s.reorder / 64
	s.gap -= s.gap / 64
	a.release(s)
}

// release hands on the frame that is held, once the stream has a name to hand it on under. Until then only the newest is
// kept: whoever joins a stream in the middle has no use for an older one.
func (a *Assembler) release(s *stream) {
	if s.unnamed() || s.held.JPEG == nil {
		return
	}
	s.held.Stream = s.label
	a.ready = append(a.ready, s.held)
	a.stats.Frames++
	a.stats.FrameBytes += uint64(len(s.held.JPEG))
	s.stats.Frames++
	s.stats.FrameBytes += uint64(len(s.held.JPEG))
	s.held = Frame{}
}

// drop gives up a frame and frees its memory.
func (a *Assembler) drop(s *stream, p *pendingFrame, reason FrameDrop) {
	if p.state == done {
		return
	}
	if p.state == unseen {
		reason = FrameLost
	}
	if !p.partial {
		a.stats.Dropped[reason]++
		s.stats.Dropped[reason]++
	}
	a.stats.Pending -= p.memory()
	a.pool.Put(p.bytes)
	p.free()
}

// evict drops the unfinished frames whose deadlines are nearest, of whatever stream but never keep, until the memory
// suffices.
func (a *Assembler) evict(keep *pendingFrame) {
	for a.stats.Pending > MaxPendingMemory {
		var owner *stream
		var oldest *pendingFrame
		for _, s := range a.streams {
			for _, p := range s.pending {
				if p != keep && p.state != done && p.memory() > 0 && (oldest == nil || p.deadline.Before(oldest.deadline)) {
					owner, oldest = s, p
				}
			}
		}
		if oldest == nil {
			return
		}
		a.drop(owner, oldest, FrameOverLimit)
	}
}

// LooksLikeJPEG reports whether the bytes begin and end as a JPEG does: SOI and EOI (ITU-T T.81, table B.1).
func LooksLikeJPEG(b []byte) bool {
	n := len(b)
	return n >= 4 && b[0] == 0xff && b[1] == 0xd8 && b[n-2] == 0xff && b[n-1] == 0xd9
}
