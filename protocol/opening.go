package protocol

import (
	"crypto/cipher"
	"net/netip"
	"slices"
	"time"
)

const (
	// lockedInterval is the least time between two streams that are told of because they cannot be opened, and
	// lockedAgain between two times that the same one is. It stops invented streams from filling a log.
	lockedInterval = time.Second
	lockedAgain    = time.Minute

	// sessionSilence is for how long a sealed stream must be silent before another session of the same number takes its
	// place. Two senders draw the same number once in 16 million times.
	sessionSilence = 2 * time.Second

	// provenAfter is how long a sealed stream may take to prove that it is no recording before the user is told.
	provenAfter = 2 * time.Second
)

// A keyring has the keys of a receiver, and what it must remember to use them.
type keyring struct {
	keys     []*receiverKey
	scratch  []byte
	receiver controlHeader              // of the last feedback
	locked   *LockedStream              // to be told of, or nil
	told     map[LockedStream]time.Time // without their ports
	toldAt   time.Time

	// sessions is the newest session of each name that was seen. One-way receivers believe no older one.
	sessions map[string]datedSession
}

type receiverKey struct {
	Key
	id            KeyID
	announcements cipher.AEAD
}

type datedSession struct {
	salt [saltSize]byte
	sent time.Time // by the sender's clock
}

func newKeyring(keys []Key) keyring {
	r := keyring{receiver: controlHeader{origin: randomOrigin()}, told: map[LockedStream]time.Time{}, sessions: map[string]datedSession{}}
	for _, k := range keys {
		r.keys = append(r.keys, &receiverKey{k, k.ID(), k.announcements()})
	}
	return r
}

// open opens a sealed announcement. It returns nil if no key does.
func (r *keyring) open(b []byte, id KeyID) (k *receiverKey, open []byte) {
	for _, k := range r.keys {
		if k.id != id {
			continue
		}
		// Two keys may have the same ID, so each gets the bytes as they came.
		r.scratch = append(r.scratch[:0], b...)
		if open := openControl(r.scratch, k.announcements); open != nil {
			return k, open
		}
	}
	return nil, nil
}

// has reports whether one of the keys has that ID.
func (r *keyring) has(id KeyID) bool {
	return slices.ContainsFunc(r.keys, func(k *receiverKey) bool { return k.id == id })
}

// tell notes a stream that cannot be opened, for whoever asks.
func (r *keyring) tell(l LockedStream, now time.Time) {
	same := l
	same.From = netip.AddrPortFrom(l.From.Addr(), 0)
	if now.Sub(r.toldAt) < lockedInterval || now.Sub(r.told[same]) < lockedAgain || r.locked != nil {
		return
	}
	if len(r.told) >= maxStreams {
		clear(r.told)
	}
	r.told[same], r.toldAt = now, now
	r.locked = &l
}

// next takes the stream that is to be told of.
func (r *keyring) next() (l LockedStream, ok bool) {
	if r.locked == nil {
		return l, false
	}
	l, r.locked = *r.locked, nil
	return l, true
}

// newest reports whether a session is the newest of its name that was ever seen here, and remembers it if so.
func (r *keyring) newest(name string, s datedSession) bool {
	last, known := r.sessions[name]
	if known && last.salt != s.salt && !s.sent.After(last.sent) {
		return false
	}
	if !known && len(r.sessions) >= maxStreams {
		return false
	}
	r.sessions[name] = s
	return true
}

// An opener opens what comes of one sealed stream, and seals what is said of it.
type opener struct {
	ring               *keyring
	key                *receiverKey
	salt               [saltSize]byte
	segments, feedback cipher.AEAD
	counter            uint64    // of the last announcement
	since              time.Time // when the stream was joined
	live               bool      // whether it is known to be no recording
	oldest             uint32    // frames with smaller IDs are too old to be shown
}

// opener returns what opens the session that an announcement began, nil if its suite is unknown.
func (r *keyring) opener(k *receiverKey, h controlHeader, now time.Time) *opener {
	segments := k.segments(h.origin, h.suite)
	if segments == nil {
		return nil
	}
	return &opener{ring: r, key: k, salt: h.origin, segments: segments, feedback: k.feedback(h.origin), since: now}
}

// announced takes in an announcement that was opened, and that echoes what a receiver has sent. A session is live if an
// announcement echoes something that this receiver sent since it joined the stream: nobody could have recorded that before.
// A one-way receiver sends nothing. It believes the session that is the newest of its name.
func (o *opener) announced(a Announcement, c clockEcho, echoed [saltSize]byte, oneWay bool, now time.Time) {
	if now.Before(o.since) {
		o.since = now // the clock was set back
	}
	o.live = o.live || echoed == o.ring.receiver.origin && c.echoes(o.since, now) ||
		oneWay && o.ring.newest(a.Name, datedSession{o.salt, timeNear(c.Sent, now)})
	if a.Newest > replayWindow {
		o.oldest = max(o.oldest, a.Newest-replayWindow)
	}
}

// seal seals feedback.
func (o *opener) seal(open []byte) []byte {
	h := &o.ring.receiver
	h.counter++
	h.key = o.key.id
	return sealControl(make([]byte, 0, len(open)+controlHeaderSize+TagSize), o.feedback, *h, open)
}

// refuse leaves out a datagram that is sealed although this receiver has no key, or open although it has one.
func (a *Assembler) refuse(p prefix, b []byte, from netip.AddrPort, now time.Time) {
	if !p.Sealed {
		a.leaveOut(DatagramUnsealed)
		a.shared.keyring.tell(LockedStream{From: from, Why: LockedOpen}, now)
		return
	}
	a.leaveOut(DatagramSealed)
	if h, err := parseControlHeader(b); err == nil && p.Type == typeAnnouncement {
		a.shared.keyring.tell(LockedStream{from, LockedNoKey, h.key}, now)
	}
}

// openAnnouncement opens a sealed announcement, and returns the open one and its stream. If it is not to be believed, it
// counts why and returns no stream.
func (a *Assembler) openAnnouncement(p prefix, b []byte, from netip.AddrPort, now time.Time) (s *stream, open []byte) {
	h, err := parseControlHeader(b)
	if err != nil {
		a.leaveOut(DatagramMalformed)
		return nil, nil
	}
	s = a.find(p)
	known := s != nil && s.opener.salt == h.origin
	if known && h.counter <= s.opener.counter || s != nil && !known && s.opener.live && now.Sub(s.seen) < sessionSilence {
		a.leaveOut(DatagramReplayed)
		return nil, nil
	}
	ring := &a.shared.keyring
	k, open := ring.open(b, h.key)
	if k == nil {
		a.leaveOut(DatagramWrongKey)
		if !ring.has(h.key) {
			ring.tell(LockedStream{from, LockedNoKey, h.key}, now)
		}
		return nil, nil
	}
	if !known {
		opener := ring.opener(k, h, now)
		if opener == nil {
			a.leaveOut(DatagramUnknownType)
			return nil, nil
		}
		if s != nil {
			a.forget(s)
		}
		s = a.join(p, now)
		s.opener = opener
		s.asking.seal = s.opener.seal
	}
	s.opener.counter = h.counter
	return s, open
}

// openSegment opens a segment in its place. A datagram that is of no use anyway is not opened. If the segment is not to be
// believed, it returns why.
func (s *stream) openSegment(seg *segment) (why DatagramDrop, opened bool) {
	if why, useless := s.ordering.useless(seg); useless {
		return why, false
	}
	if seg.FrameID < s.opener.oldest {
		return DatagramReplayed, false
	}
	if !seg.open(s.opener.segments) {
		return DatagramWrongKey, false
	}
	return 0, true
}
