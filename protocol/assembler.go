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
}

// An Assembler turns udpcam/1 datagrams, of any number of senders and in any order, into frames. It hands a frame on
// the moment it is whole; frames of the same stream that are older than it are dropped then, so that what is handed on
// never goes backwards. Call Add for each datagram, Expire now and then, and after either Next until it has no more.
// Nothing of a datagram is kept. An Assembler is for one goroutine at a time.
//
// A stream is known by the session and stream number in its datagrams, not by the address they come from, so that a
// sender may reach the receiver by several paths at once, each filling what the other lost.
type Assembler struct {
	deadline time.Duration
	streams  map[streamKey]*stream
	ready    []Frame
	stats    Stats
}

// NewAssembler returns an assembler with no streams.
func NewAssembler(c AssemblerConfig) *Assembler {
	return &Assembler{deadline: cmp.Or(c.Deadline, DefaultDeadline), streams: map[streamKey]*stream{}}
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
	case typeData:
		h, l, index, payload, err := parseSegment(p, b)
		if err != nil {
			a.stats.LeftOut[DatagramMalformed]++
			return
		}
		a.addSegment(&h, l, index, payload, from, now)
	case typeAnnouncement:
		announced, err := parseAnnouncement(b)
		if err != nil {
			a.stats.LeftOut[DatagramMalformed]++
			return
		}
		s := a.stream(p, from, now)
		a.name(s, announced, now)
		a.release(s)
	default:
		a.stats.LeftOut[DatagramUnknownType]++
	}
}

// Next takes the next frame that is ready to be handed on.
func (a *Assembler) Next() (Frame, bool) {
	if len(a.ready) == 0 {
		return Frame{}, false
	}
	f := a.ready[0]
	a.ready = slices.Delete(a.ready, 0, 1)
	return f, true
}

// Expire does what time alone brings about: it drops the frames whose deadline has passed, names the streams that have
// not been announced, and forgets those that have long been silent. Call it some times a second.
func (a *Assembler) Expire(now time.Time) {
	for key, s := range a.streams {
		if now.Sub(s.seen) >= streamExpiry {
			a.forget(key)
			continue
		}
		if s.unnamed() && s.displaced.IsZero() && now.Sub(s.joined) >= nameWait {
			a.name(s, Announcement{}, now)
			a.release(s)
		}
		for _, p := range s.pending {
			if !now.Before(p.deadline) {
				a.drop(p, FrameIncomplete)
			}
		}
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
		if !s.unnamed() {
			infos = append(infos, StreamInfo{Name: s.label, From: s.from, Announced: s.announced, Seen: s.seen})
		}
	}
	slices.SortFunc(infos, func(a, b StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}

// addSegment puts a data segment in its place.
func (a *Assembler) addSegment(h *segmentHeader, l layout, index int, payload []byte, from netip.AddrPort, now time.Time) {
	s := a.stream(h.prefix, from, now)
	first := !s.started && len(s.pending) == 0
	if first {
		s.newest = h.FrameID - 1<<30 // so that older frames of a stream that is joined may still come
	}
	if !Newer(h.FrameID, s.newest) {
		a.stats.LeftOut[DatagramLate]++
		return
	}
	p := s.find(h.FrameID)
	if p == nil {
		p = newPendingFrame(*h, l, now.Add(a.deadline))
		p.partial = first && index != 0
		if !a.insert(s, p) {
			a.stats.LeftOut[DatagramOverLimit]++
			return
		}
	}
	switch {
	case p.done:
		a.stats.LeftOut[DatagramLate]++
		return
	case !p.header.sameFrame(h):
		a.stats.LeftOut[DatagramInconsistent]++
		return
	case p.has(index):
		a.stats.LeftOut[DatagramDuplicate]++
		return
	}
	_, end := l.span(index)
	grown, ok := p.reserve(end, 2*s.largest)
	if !ok {
		a.stats.LeftOut[DatagramOverLimit]++
		return
	}
	a.stats.Pending += grown
	a.evict(p)
	p.put(index, payload)
	s.largest = max(s.largest, p.arrived)
	if p.missing == 0 {
		a.finish(s, p, now)
	}
}

// insert puts a new frame in its place among the unfinished ones of its stream, which are ordered by ID. If there are
// too many the oldest one gives way, unless that is the new one.
func (a *Assembler) insert(s *stream, p *pendingFrame) bool {
	at, _ := slices.BinarySearchFunc(s.pending, p.header.FrameID, func(o *pendingFrame, id uint32) int {
		return cmp.Compare(o.header.FrameID-s.newest, id-s.newest)
	})
	if len(s.pending) == maxPendingFrames {
		if at == 0 {
			return false
		}
		a.drop(s.pending[0], FrameIncomplete)
		s.pending = slices.Delete(s.pending, 0, 1)
		at--
	}
	s.pending = slices.Insert(s.pending, at, p)
	return true
}

// finish checks a frame of which all segments are here and hands it on.
func (a *Assembler) finish(s *stream, p *pendingFrame, now time.Time) {
	jpeg := p.bytes[:p.layout.length:p.layout.length]
	if checksum(jpeg) != p.header.CRC {
		a.drop(p, FrameCorrupt)
		return
	}
	if !LooksLikeJPEG(jpeg) {
		a.drop(p, FrameNotJPEG)
		return
	}
	a.account(p)
	a.supersede(s, p)
	s.whole = now
	s.held = Frame{ID: p.header.FrameID, Captured: timeNear(p.header.Captured, now), JPEG: jpeg}
	a.release(s)
}

// supersede drops whatever of a stream is older than frame p, which is whole, and counts what is missing before it.
func (a *Assembler) supersede(s *stream, p *pendingFrame) {
	at := slices.Index(s.pending, p)
	for _, older := range s.pending[:at] {
		if !older.done {
			a.drop(older, FrameIncomplete)
		}
	}
	if gap := p.header.FrameID - s.newest; s.started && gap <= maxCountedGap {
		if unseen := int(gap) - 1 - at; unseen > 0 {
			a.stats.Dropped[FrameUnseen] += uint64(unseen)
		}
	}
	s.pending = slices.Delete(s.pending, 0, at+1)
	s.newest, s.started = p.header.FrameID, true
}

// release hands on the frame that is whole, once the stream has a name to hand it on under. Until then only the newest
// is kept: whoever joins a stream in the middle has no use for an older one.
func (a *Assembler) release(s *stream) {
	if s.unnamed() || s.held.JPEG == nil {
		return
	}
	s.held.Stream = s.label
	a.ready = append(a.ready, s.held)
	a.stats.Frames++
	a.stats.FrameBytes += uint64(len(s.held.JPEG))
	s.held = Frame{}
}

// drop gives up a frame and frees its memory.
func (a *Assembler) drop(p *pendingFrame, reason FrameDrop) {
	if p.done {
		return
	}
	if !p.partial {
		a.stats.Dropped[reason]++
	}
	a.account(p)
	p.done, p.bytes, p.have = true, nil, nil
}

// account counts a frame that is unfinished no longer.
func (a *Assembler) account(p *pendingFrame) {
	a.stats.Pending -= len(p.bytes)
	if !p.partial {
		a.stats.Expected += uint64(p.layout.segments())
		a.stats.Received += uint64(p.received())
	}
}

// evict drops the unfinished frames whose deadlines are nearest, of whatever stream but never keep, until the memory
// suffices.
func (a *Assembler) evict(keep *pendingFrame) {
	for a.stats.Pending > MaxPendingMemory {
		var oldest *pendingFrame
		for _, s := range a.streams {
			for _, p := range s.pending {
				if p != keep && !p.done && (oldest == nil || p.deadline.Before(oldest.deadline)) {
					oldest = p
				}
			}
		}
		if oldest == nil {
			return
		}
		a.drop(oldest, FrameOverLimit)
	}
}

// LooksLikeJPEG reports whether the bytes begin and end as a JPEG does: SOI and EOI (ITU-T T.81, table B.1).
func LooksLikeJPEG(b []byte) bool {
	n := len(b)
	return n >= 4 && b[0] == 0xff && b[1] == 0xd8 && b[n-2] == 0xff && b[n-1] == 0xd9
}
