package protocol

import (
	"net/netip"
	"time"
)

// A streamKey tells streams apart. A sender that restarts draws another session: that is another stream.
type streamKey struct {
	session uint32
	stream  uint8
}

// A stream is what an assembler knows of one sender's stream.
type stream struct {
	from   netip.AddrPort // where its last datagram came from
	joined time.Time      // when its first datagram came
	seen   time.Time      // when its last datagram came
	whole  time.Time      // when a frame of it was last whole, zero if never

	announced Announcement
	label     string    // the name its frames are handed on under, "" until that is settled
	displaced time.Time // when another stream took its label, zero if none has

	started bool   // whether a frame of it has been whole
	newest  uint32 // ID of the last frame that was; before that, of one long before the first that was seen
	largest int    // the most bytes that have arrived of one frame
	pending []*pendingFrame
	held    Frame // whole, but not handed on before the stream has a name
}

// unnamed reports whether it is not settled yet under which name the stream's frames are handed on.
func (s *stream) unnamed() bool { return s.label == "" }

// host is the address that the stream comes from.
func (s *stream) host() string { return s.from.Addr().Unmap().String() }

// find returns the unfinished frame with that ID, or nil.
func (s *stream) find(id uint32) *pendingFrame {
	for i := len(s.pending) - 1; i >= 0; i-- { // the one wanted is nearly always the newest
		if s.pending[i].header.FrameID == id {
			return s.pending[i]
		}
	}
	return nil
}

// stream returns the stream that a datagram belongs to.
func (a *Assembler) stream(p prefix, from netip.AddrPort, now time.Time) *stream {
	key := streamKey{p.Session, p.Stream}
	s := a.streams[key]
	if s == nil {
		if len(a.streams) == maxStreams {
			a.forget(a.idlest())
		}
		s = &stream{joined: now}
		a.streams[key] = s
	}
	s.from, s.seen = from, now
	return s
}

// idlest is the stream that has been without a whole frame for longest.
func (a *Assembler) idlest() (idlest streamKey) {
	var since time.Time
	first := true
	for key, s := range a.streams {
		if t := s.whole; first || t.Before(since) || t.Equal(since) && s.joined.Before(a.streams[idlest].joined) {
			idlest, since, first = key, t, false
		}
	}
	return idlest
}

// forget drops a stream and all that it has unfinished.
func (a *Assembler) forget(key streamKey) {
	for _, p := range a.streams[key].pending {
		a.drop(p, FrameIncomplete)
	}
	delete(a.streams, key)
}
