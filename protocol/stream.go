package protocol

import (
	"net/netip"
	"slices"
	"time"
)

// A streamKey tells streams apart. A sender that restarts draws another session: that is another stream.
type streamKey struct {
	session uint32
	stream  uint8
}

// A stream is what an assembler knows of one sender's stream.
type stream struct {
	key    streamKey
	from   netip.AddrPort // where its last datagram came from
	joined time.Time      // when its first datagram came
	seen   time.Time      // when its last datagram came
	whole  time.Time      // when a frame of it was last whole, zero if never

	announced Announcement
	label     string    // the name its frames are handed on under, "" until that is settled
	displaced time.Time // when another stream took its label, zero if none has

	started  bool   // whether a frame of it has been handed on
	newest   uint32 // ID of the last frame that was; before that, of one long before the first that was seen
	largest  int    // the most bytes that have arrived of one frame
	pending  []*pendingFrame
	finished []*pendingFrame // the last few that are done with, of which datagrams may still come
	known    uint32          // how many frames have been done with since newest
	held     Frame           // whole, but not handed on before the stream has a name

	clock      RemoteClock
	reorder    time.Duration // by how much datagrams come late that are not lost
	gap        time.Duration // the longest between two datagrams of a frame
	stats      StreamStats
	report     Report    // what the next one says
	urgent     bool      // whether that is more than a matter of course
	told       time.Time // when it was last reported
	wake       time.Time // when it is to be attended to
	received   int       // bytes, of which feedback may be a share
	fedBack    int       // bytes of feedback
	unanswered int       // requests in a row that had to be repeated
	segments   int       // datagrams in which the last frame was first sent
}

// unnamed reports whether it is not settled yet under which name the stream's frames are handed on.
func (s *stream) unnamed() bool { return s.label == "" }

// host is the address that the stream comes from.
func (s *stream) host() string { return s.from.Addr().Unmap().String() }

// find returns the frame with that ID among those that are not handed on yet, or nil.
func (s *stream) find(id uint32) *pendingFrame {
	for i := len(s.pending) - 1; i >= 0; i-- { // the one wanted is nearly always the newest
		if s.pending[i].id == id {
			return s.pending[i]
		}
	}
	return nil
}

// findFinished returns the frame with that ID among the last that are done with, or nil.
func (s *stream) findFinished(id uint32) *pendingFrame {
	for _, p := range s.finished {
		if p.id == id {
			return p
		}
	}
	return nil
}

// stream returns the stream that a datagram of so many bytes belongs to.
func (a *Assembler) stream(p prefix, size int, from netip.AddrPort, now time.Time) *stream {
	key := streamKey{p.Session, p.Stream}
	s := a.latest
	if s == nil || s.key != key {
		s = a.streams[key]
	}
	if s == nil {
		if len(a.streams) == maxStreams {
			a.forget(a.idlest())
		}
		s = &stream{key: key, joined: now, told: now}
		a.streams[key] = s
	}
	a.latest = s
	s.from, s.seen = from, now
	s.received += size
	s.report.Largest = max(s.report.Largest, size)
	return s
}

// idlest is the stream that has been without a whole frame for longest.
func (a *Assembler) idlest() (idlest *stream) {
	for _, s := range a.streams {
		if idlest == nil || s.whole.Before(idlest.whole) || s.whole.Equal(idlest.whole) && s.joined.Before(idlest.joined) {
			idlest = s
		}
	}
	return idlest
}

// forget drops a stream and all that it has unfinished.
func (a *Assembler) forget(s *stream) {
	for _, p := range s.pending {
		a.drop(s, p, FrameLate)
	}
	delete(a.streams, s.key)
	if a.latest == s {
		a.latest = nil
	}
}

// finish moves the first n pending frames to those that are done with.
func (s *stream) finish(n int) {
	s.known += uint32(n)
	s.finished = append(s.finished, s.pending[:n]...)
	s.pending = slices.Delete(s.pending, 0, n)
}
