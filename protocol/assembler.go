package protocol

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// DefaultDeadline is how long a receiver waits for the rest of a frame, from the frame's first segment on.
const DefaultDeadline = time.Second

// An AssemblerConfig says how datagrams become frames. The zero value is the documented default.
type AssemblerConfig struct {
	// Deadline is how long after its first segment an incomplete frame is dropped. 0 means DefaultDeadline.
	Deadline time.Duration
	// Latency is how long a whole frame may wait for an older one that can still be repaired. 0 means about three round
	// trips, at most 150 ms. On a local network that is some 10 ms. It delays frames only when something was lost. Less
	// than 0 means that no frame waits.
	Latency time.Duration
	// OneWay turns off feedback: senders get no reports and no requests.
	OneWay bool
	// Keys are the keys of the sealed streams that are wanted. With a key, open streams are ignored. Without one, sealed
	// streams are ignored. NextLocked tells of ignored streams.
	Keys []Key
}

// An Assembler turns udpcam/1 datagrams into frames. They may come from any number of senders, in any order. Lost segments
// are rebuilt from parity, or requested from the sender. The frames of a stream are handed on in order, each the moment
// that it is whole. A frame waits a little if an older one can still become whole. After that the older frame is dropped.
//
// Call Add for each datagram, and Expire when Deadline has come. After each of these calls, call Next and NextFeedback until
// they have nothing more. The assembler keeps nothing of a datagram. A frame is valid until Next is called again: see
// [Frame]. An Assembler is for one goroutine at a time.
//
// Datagrams belong to a stream by their session and stream number. The address does not matter. So a sender may use several
// networks at once, and each fills what the other lost.
type Assembler struct {
	shared  shared
	streams map[streamKey]*stream
	latest  *stream // the stream of the last datagram
	tally   Stats   // of datagrams without a stream, and of forgotten streams
}

// NewAssembler returns an assembler with no streams.
func NewAssembler(c AssemblerConfig) *Assembler {
	c.Deadline = cmp.Or(c.Deadline, DefaultDeadline)
	return &Assembler{shared: shared{config: c, keyring: newKeyring(c.Keys)}, streams: map[streamKey]*stream{}}
}

// Add adds a datagram that came from an address. If b is sealed, Add decrypts it in place.
func (a *Assembler) Add(b []byte, from netip.AddrPort, now time.Time) {
	p, err := parsePrefix(b)
	if err != nil {
		a.leaveOut(DatagramForeign)
		return
	}
	if p.Sealed != (len(a.shared.config.Keys) > 0) {
		a.refuse(p, b, from, now)
		return
	}
	switch p.Type {
	case typeData, typeParity, typeData | typeRepair, typeParity | typeRepair:
		seg, err := parseSegment(p, b)
		if err != nil {
			a.leaveOut(DatagramMalformed)
			return
		}
		s := a.find(p)
		switch {
		case s == nil && p.Sealed:
			a.leaveOut(DatagramUnannounced)
			return
		case s == nil:
			s = a.join(p, now)
		case p.Sealed:
			if why, opened := s.openSegment(&seg); !opened {
				a.leaveOut(why)
				return
			}
		}
		s.heard(len(b), from, now)
		a.evict(s.addSegment(&seg, now))
		s.attend(now)
	case typeAnnouncement:
		a.addAnnouncement(p, b, from, now)
	default:
		a.leaveOut(DatagramUnknownType)
	}
}

func (a *Assembler) addAnnouncement(p prefix, b []byte, from netip.AddrPort, now time.Time) {
	size, s := len(b), a.find(p)
	if p.Sealed {
		if s, b = a.openAnnouncement(p, b, from, now); s == nil {
			return
		}
	}
	announced, clock, err := parseAnnouncement(b)
	if err != nil {
		a.leaveOut(DatagramMalformed)
		return
	}
	if s == nil {
		s = a.join(p, now)
	}
	s.heard(size, from, now)
	s.asking.clock.hear(clock, now)
	if s.opener != nil {
		s.opener.announced(announced, clock, echoedReceiver(b), a.shared.config.OneWay, now)
	}
	if s.believed() {
		a.name(s, announced, now)
		s.release()
	} else {
		s.asking.urgent, s.asking.reported = true, time.Time{} // report now, for the next announcement to echo
	}
	s.attend(now)
}

// leaveOut counts a datagram that belongs to no stream.
func (a *Assembler) leaveOut(why DatagramDrop) {
	a.tally.Datagrams++
	a.tally.LeftOut[why]++
}

// Next returns the next frame that is ready to be handed on. The frame is valid until Next is called again.
func (a *Assembler) Next() (Frame, bool) {
	a.shared.memory.pool.TakeBack()
	if len(a.shared.ready) == 0 {
		return Frame{}, false
	}
	f := a.shared.ready[0]
	a.shared.ready = slices.Delete(a.shared.ready, 0, 1)
	return a.shared.memory.pool.Lend(f), true
}

// NextFeedback returns the next datagram that is to be sent back to a sender. The bytes are the caller's to keep.
func (a *Assembler) NextFeedback() (b []byte, to netip.AddrPort, ok bool) {
	if len(a.shared.feedback) == 0 {
		return nil, to, false
	}
	f := a.shared.feedback[0]
	a.shared.feedback = a.shared.feedback[1:]
	return f.b, f.to, true
}

// NextLocked returns the next stream that arrives but is not shown. The reason is in [LockedStream]. It returns the same
// stream once a minute, and at most one stream a second.
func (a *Assembler) NextLocked() (l LockedStream, ok bool) { return a.shared.keyring.next() }

// Deadline returns when Expire is to be called, the zero time if nothing waits. It may change with every Add.
func (a *Assembler) Deadline() (next time.Time) {
	for _, s := range a.streams {
		if next.IsZero() || s.wake.Before(next) {
			next = s.wake
		}
	}
	return next
}

// Expire does what is due at a time. It makes requests and reports, stops waiting for frames that are too late, names
// streams that were not announced, and forgets streams that have long been silent.
func (a *Assembler) Expire(now time.Time) {
	for _, s := range a.streams {
		if now.Sub(s.seen) >= streamExpiry {
			a.forget(s)
			continue
		}
		if s.label == "" && s.believed() && s.displaced.IsZero() && now.Sub(s.joined) >= nameWait {
			a.name(s, Announcement{}, now)
			s.release()
		}
		if !s.believed() && now.Sub(s.joined) >= provenAfter {
			a.shared.keyring.noteLocked(LockedStream{s.from, LockedUnproven, s.opener.key.id}, now)
		}
		s.attend(now)
	}
}

// Stats returns what has been counted so far.
func (a *Assembler) Stats() Stats {
	st := a.tally
	for _, s := range a.streams {
		st.add(&s.tally)
	}
	st.Pending, st.Streams = a.shared.memory.used, len(a.streams)
	return st
}

// Streams returns what is known of each stream that has a name, sorted by name.
func (a *Assembler) Streams() []StreamInfo {
	var infos []StreamInfo
	for _, s := range a.streams {
		if s.label == "" {
			continue
		}
		info := StreamInfo{Name: s.label, From: s.from, Announced: s.announced, Seen: s.seen, Stats: s.tally}
		if s.opener != nil {
			info.Sealed, info.Key = true, s.opener.key.id
		}
		info.RTT, _ = s.asking.clock.RTT()
		info.ClockOffset, info.ClockUncertainty, info.ClockKnown = s.asking.clock.Offset()
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}

// find returns the stream that a datagram belongs to, or nil.
func (a *Assembler) find(p prefix) *stream {
	key := streamKey{p.Session, p.Stream}
	if a.latest == nil || a.latest.key != key {
		a.latest = a.streams[key]
	}
	return a.latest
}

// join adds a stream, from its first datagram. If there are too many, the one without a whole frame for longest gives way.
func (a *Assembler) join(p prefix, now time.Time) *stream {
	if len(a.streams) == maxStreams {
		idlest := slices.MinFunc(slices.Collect(maps.Values(a.streams)), func(x, y *stream) int {
			return cmp.Or(x.whole.Compare(y.whole), x.joined.Compare(y.joined))
		})
		a.forget(idlest)
	}
	key := streamKey{p.Session, p.Stream}
	s := newStream(key, &a.shared, now)
	a.streams[key], a.latest = s, s
	return s
}

// forget drops a stream and its unfinished frames. Its counts stay in the totals.
func (a *Assembler) forget(s *stream) {
	for _, p := range s.ordering.pending {
		s.ordering.drop(p, FrameLate)
	}
	a.tally.add(&s.tally)
	delete(a.streams, s.key)
	if a.latest == s {
		a.latest = nil
	}
}

// evict drops unfinished frames until they fit MaxPendingMemory: of all streams, those with the nearest deadlines. It never
// drops keep.
func (a *Assembler) evict(keep *pendingFrame) {
	for a.shared.memory.used > MaxPendingMemory {
		var owner *stream
		var oldest *pendingFrame
		for _, s := range a.streams {
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
