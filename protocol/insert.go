package protocol

import (
	"cmp"
	"slices"
	"time"
)

// newFrame returns a frame of which nothing has come yet.
func (a *Assembler) newFrame(id uint32, now time.Time) *pendingFrame {
	p := a.spare
	if p == nil {
		p = &pendingFrame{}
	}
	a.spare = nil
	p.reuse(id, now.Add(a.config.Deadline))
	return p
}

// insert puts a new frame in its place among those of its stream that are not handed on yet, which are ordered by ID,
// and those that must have been sent before it and of which nothing came. If there are too many the oldest gives way,
// unless that is the new one.
func (a *Assembler) insert(s *stream, p *pendingFrame, now time.Time) bool {
	at := s.place(p.id)
	if len(s.pending) >= maxPendingFrames {
		if at == 0 {
			return false
		}
		a.drop(s, s.pending[0], FrameSuperseded)
		s.finish(1)
		at--
	}
	s.pending = slices.Insert(s.pending, at, p)
	for _, older := range s.pending[:at] {
		if older.arrivals.over.IsZero() {
			older.arrivals.over = now // the sender has gone on to another frame
		}
	}
	if at < len(s.pending)-1 {
		p.arrivals.over = now
	}
	if at == len(s.pending)-1 && s.started && !a.config.OneWay {
		a.insertUnseen(s, p, now)
	}
	return true
}

// insertUnseen puts in the frames between p, the newest, and the one before it.
func (a *Assembler) insertUnseen(s *stream, p *pendingFrame, now time.Time) {
	last := s.newest
	if n := len(s.pending); n > 1 {
		last = s.pending[n-2].id
	}
	if p.id-last-1 > maxAskedGap || len(s.pending)+int(p.id-last-1) > maxPendingFrames {
		return
	}
	for id := last + 1; id != p.id; id++ {
		gap := a.newFrame(id, now)
		gap.arrivals.over = now
		s.pending = slices.Insert(s.pending, len(s.pending)-1, gap)
	}
}

// place is where in the stream's pending frames one with that ID is or belongs.
func (s *stream) place(id uint32) int {
	at, _ := slices.BinarySearchFunc(s.pending, id, func(o *pendingFrame, id uint32) int {
		return cmp.Compare(o.id-s.newest, id-s.newest)
	})
	return at
}
