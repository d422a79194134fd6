package protocol

import (
	"cmp"
	"net/netip"
	"time"
)

// A stream whose datagrams begin to come is a newcomer. It is shown, which means that it has a name and its frames are
// handed on, when a whole picture of it has come and a place is free. Newcomers and shown streams have memory of their own.
// So invented streams harm no camera, however many there are.

// A streamKey tells streams apart. A sender that restarts draws a new session, and so begins a new stream.
type streamKey struct {
	session uint32
	stream  uint8
	from    netip.AddrPort // zero if the stream is sealed: then its datagrams prove whose they are
}

func keyOf(p prefix, from netip.AddrPort) streamKey {
	k := streamKey{session: p.Session, stream: p.Stream}
	if !p.Sealed {
		k.from = from
	}
	return k
}

// find returns the stream that a datagram belongs to, or nil.
func (a *Assembler) find(key streamKey) *stream {
	if a.latest == nil || a.latestKey != key {
		if a.latestKey, a.latest = key, a.streams[key]; a.latest == nil {
			a.latest = a.guests[key]
		}
	}
	return a.latest
}

// join adds a newcomer, from its first datagram. If there are too many, the weakest gives way.
func (a *Assembler) join(key streamKey, from netip.AddrPort, now time.Time) *stream {
	var all, near group
	s := newStream(key, from, &a.shared, now)
	for _, o := range a.streams {
		if o.key.session == key.session && o.key.stream == key.stream {
			o.twin, s.twin = true, true
		}
		if o.shown {
			continue
		}
		all.add(o, now)
		if o.network == s.network {
			near.add(o, now)
		}
	}
	if near.size >= newcomersPerNetwork {
		a.forget(near.weakest)
	} else if all.size >= maxNewcomers {
		a.forget(all.weakest)
	}
	a.streams[key], a.latestKey, a.latest = s, key, s
	return s
}

// show shows a stream if it may be shown: a whole picture has come, the stream can be named, and there is a place.
func (a *Assembler) show(s *stream, now time.Time) {
	switch {
	case s.label != "" || s.delivered == 0 || !s.believed():
		return
	case !s.described && now.Sub(s.joined) < nameWait:
		return // an announcement may still come
	case !s.shown && !a.admit(s, now):
		return
	}
	a.name(s, now)
	s.release()
}

// admit gives a newcomer a place among the streams that are shown. It returns false if it must wait.
func (a *Assembler) admit(s *stream, now time.Time) bool {
	var all group
	early := 0
	for _, o := range a.streams {
		if o.shown {
			all.add(o, now)
			if !o.proven() {
				early++
			}
		}
	}
	if !s.proven() && early >= maxEarly {
		return false
	}
	if all.size >= maxStreams {
		if !s.outranks(all.weakest, now) {
			return false
		}
		a.forget(all.weakest)
	}
	s.shown = true
	s.charge(&a.shared.memory)
	return true
}

// forget drops a stream and its unfinished frames. Its counts stay in the totals.
func (a *Assembler) forget(s *stream) {
	for _, p := range s.ordering.pending {
		s.ordering.drop(p, FrameLate)
	}
	s.hold(Frame{})
	a.tally.add(&s.tally)
	delete(a.streams, s.key)
	for key, host := range a.guests {
		if host == s {
			delete(a.guests, key)
		}
	}
	a.latest = nil
}

// makeRoom drops unfinished frames until all fit the limit of m: those with the nearest deadlines. It never drops keep.
func (a *Assembler) makeRoom(m *frameMemory, keep *pendingFrame) {
	for m.used > m.limit {
		var owner *stream
		var oldest *pendingFrame
		for _, s := range a.streams {
			if s.ordering.memory != m {
				continue
			}
			for _, p := range s.ordering.pending {
				if p != keep && p.state != done && p.size() > 0 && (oldest == nil || p.deadline.Before(oldest.deadline)) {
					owner, oldest = s, p
				}
			}
		}
		if oldest == nil {
			return
		}
		owner.ordering.drop(oldest, FrameOverLimit)
	}
}

// A group counts streams and finds the weakest of them.
type group struct {
	size    int
	weakest *stream
}

func (g *group) add(s *stream, now time.Time) {
	if g.size++; g.weakest == nil || g.weakest.outranks(s, now) {
		g.weakest = s
	}
}

// proven reports whether the stream has proved that it goes on. A sealed one needs no proof: its sender has the key.
func (s *stream) proven() bool {
	return s.delivered > 0 && (s.opener != nil || s.seen.Sub(s.joined) >= provenTime)
}

// outranks reports whether s is worth more than another stream: because the other one has fallen silent, or because it has
// delivered less.
func (s *stream) outranks(o *stream, now time.Time) bool {
	if silent := now.Sub(s.seen) >= newcomerExpiry; silent != (now.Sub(o.seen) >= newcomerExpiry) {
		return !silent
	}
	return cmp.Or(cmp.Compare(s.delivered, o.delivered), cmp.Compare(s.asking.received, o.asking.received)) > 0
}

// Household is what one sender can freely choose addresses from: an IPv4 address, or the first 64 bits of an IPv6 address.
func Household(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	network, _ := addr.Prefix(min(addr.BitLen(), 64))
	return network
}

// SameAddress reports whether two addresses are the same, however they are written: IPv4 addresses as such or as IPv6. The
// zones of link-local addresses are not compared, because a zone may be a name or a number.
func SameAddress(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() && a.Addr().Unmap().WithZone("") == b.Addr().Unmap().WithZone("")
}
