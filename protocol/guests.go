package protocol

import "time"

// An open stream belongs to the address that its first datagram came from. So a stranger's datagrams with the same session
// make a stream of their own. But a sender may use several networks at once. The datagrams that it sends from its other
// addresses are guests: they describe the same frames, so they fill the gaps of the same stream.

// reunite returns the stream that a segment of s is to be added to. That is another stream with the same session, if the
// segment describes a frame of it: the length, the capture time and the checksum are the same. Nobody who has not seen the
// stream can guess them. The weaker of the two streams is forgotten, and its address becomes a guest of the other.
func (a *Assembler) reunite(s *stream, seg *segment, now time.Time) *stream {
	if s.ordering.header(seg.FrameID) != nil {
		return s
	}
	for _, o := range a.streams {
		if o == s || o.key.session != s.key.session || o.key.stream != s.key.stream {
			continue
		}
		if h := o.ordering.header(seg.FrameID); h == nil || !h.sameFrame(&seg.segmentHeader) {
			continue
		}
		host, guest := o, s
		if s.outranks(o, now) {
			host, guest = s, o
		}
		if len(a.guests) < maxGuests && now.Sub(host.spoiled) >= guestBan {
			a.forget(guest)
			a.guests[guest.key] = host
			return host
		}
	}
	return s
}

// dismiss sends away the guests of a stream, after a datagram of theirs has spoiled a frame.
func (a *Assembler) dismiss(s *stream, now time.Time) {
	for key, host := range a.guests {
		if host == s {
			delete(a.guests, key)
			s.spoiled, a.latest = now, nil
		}
	}
}
