package protocol

import (
	"crypto/cipher"
	"net/netip"
	"time"
)

const (
	// sessionSilence is how long a sealed stream must be silent before a stream with the same session number takes its
	// place. Two senders draw the same number once in 16 million times.
	sessionSilence = 2 * time.Second

	// provenAfter is how long a sealed stream may take to prove that it is not a recording. Then the user is told.
	provenAfter = 2 * time.Second
)

// A keyring has the keys of a receiver, and what a receiver must remember to use them.
type keyring struct {
	keys     []*receiverKey
	scratch  []byte
	receiver controlHeader              // of the last feedback: this receiver's ID and its counter
	locked   *LockedStream              // the next one to tell the user of, or nil
	told     map[LockedStream]time.Time // when the user was told of each, with port 0
	toldAt   time.Time                  // when the user was told of any

	// sent is when the newest announcement of each name was sent, by the sender's clock. A one-way receiver joins no stream
	// by an older one.
	sent map[string]time.Time
}

type receiverKey struct {
	Key
	id            KeyID
	announcements cipher.AEAD
}

func newKeyring(keys []Key) keyring {
	r := keyring{
		receiver: controlHeader{origin: randomOrigin()},
		told:     map[LockedStream]time.Time{},
		sent:     map[string]time.Time{},
	}
	for _, k := range keys {
		r.keys = append(r.keys, &receiverKey{k, k.ID(), k.announcements()})
	}
	return r
}

// open opens a sealed announcement with the key of that ID. The key is nil if there is none. The opened datagram is nil if
// the key does not fit. It is valid until the next call.
func (r *keyring) open(b []byte, id KeyID) (key *receiverKey, open []byte) {
	for _, k := range r.keys {
		if k.id != id {
			continue
		}
		// Several keys may have this ID. Opening destroys the bytes, so each key gets a copy.
		r.scratch = append(r.scratch[:0], b...)
		if key, open = k, openControl(r.scratch, k.announcements); open != nil {
			break
		}
	}
	return key, open
}

// noteLocked notes a stream that is not shown, for next to return.
func (r *keyring) noteLocked(l LockedStream, now time.Time) {
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

// next returns the stream that noteLocked has noted, once.
func (r *keyring) next() (l LockedStream, ok bool) {
	if r.locked == nil {
		return l, false
	}
	l, r.locked = *r.locked, nil
	return l, true
}

// newest reports whether an announcement is newer than all of that name before, and remembers it if so.
func (r *keyring) newest(name string, sent time.Time) bool {
	last, known := r.sent[name]
	if known && !sent.After(last) || !known && len(r.sent) >= maxStreams {
		return false
	}
	r.sent[name] = sent
	return true
}

// An opener opens the datagrams of one sealed stream, and seals the feedback about it.
type opener struct {
	ring               *keyring
	key                *receiverKey
	salt               [saltSize]byte
	segments, feedback cipher.AEAD
	counter            uint64    // of the last announcement
	since              time.Time // when the stream was joined, by the wall clock, as echoes are
	live               bool      // whether it has proved that it is not a recording
	oldest             uint32    // frames with smaller IDs are too old to be shown
	nonce              [segmentNonceSize]byte
}

// opener returns an opener for the session of an announcement, nil if the suite is unknown.
func (r *keyring) opener(k *receiverKey, h controlHeader, now time.Time) *opener {
	segments := k.segments(h.origin, h.suite)
	if segments == nil {
		return nil
	}
	return &opener{ring: r, key: k, salt: h.origin, segments: segments, feedback: k.feedback(h.origin), since: now.Round(0)}
}

// announced learns from an announcement that was opened. echoed is the ID of the receiver whose report it echoes. The
// stream is live if the announcement echoes a report that this receiver has sent since it joined: nobody can have recorded
// that before. A one-way receiver sends no reports. It believes an announcement that is newer than all earlier ones with
// the same name.
func (o *opener) announced(a Announcement, c clockEcho, echoed [saltSize]byte, oneWay bool, now time.Time) {
	if now.Round(0).Before(o.since) {
		o.since = now.Round(0) // the clock was set back
	}
	newest := oneWay && o.ring.newest(a.Name, timeNear(c.Sent, now))
	o.live = o.live || newest || echoed == o.ring.receiver.origin && c.echoes(o.since, now)
	if a.Newest > replayWindow {
		o.oldest = max(o.oldest, a.Newest-replayWindow)
	}
}

func (o *opener) seal(open []byte) []byte {
	h := &o.ring.receiver
	h.counter++
	h.key = o.key.id
	return sealControl(make([]byte, 0, len(open)+controlHeaderSize+TagSize), o.feedback, *h, open)
}

// refuse leaves out a sealed datagram if this receiver has no key, and an open one if it has a key.
func (a *Assembler) refuse(p prefix, b []byte, from netip.AddrPort, now time.Time) {
	if !p.Sealed {
		a.tally.leaveOut(DatagramUnsealed)
		a.shared.keyring.noteLocked(LockedStream{From: from, Why: LockedOpen}, now)
		return
	}
	a.tally.leaveOut(DatagramSealed)
	if h, err := parseControlHeader(b); err == nil && p.Type == typeAnnouncement {
		a.shared.keyring.noteLocked(LockedStream{from, LockedNoKey, h.key}, now)
	}
}

// openAnnouncement opens a sealed announcement. s is the stream that has that key so far, or nil. It returns the
// announcement's stream, which may be new, and the opened datagram. If the announcement is not to be believed, it counts the
// reason and returns nil.
func (a *Assembler) openAnnouncement(s *stream, key streamKey, b []byte, from netip.AddrPort, now time.Time) (
	of *stream, open []byte) {
	h, err := parseControlHeader(b)
	if err != nil {
		a.tally.leaveOut(DatagramMalformed)
		return nil, nil
	}
	known := s != nil && s.opener.salt == h.origin
	if known && h.counter <= s.opener.counter || s != nil && !known && s.opener.live && now.Sub(s.seen) < sessionSilence {
		a.tally.leaveOut(DatagramReplayed)
		return nil, nil
	}
	ring := &a.shared.keyring
	k, open := ring.open(b, h.key)
	if open == nil {
		a.tally.leaveOut(DatagramWrongKey)
		if k == nil {
			ring.noteLocked(LockedStream{from, LockedNoKey, h.key}, now)
		}
		return nil, nil
	}
	if !known {
		opener := ring.opener(k, h, now)
		if opener == nil {
			a.tally.leaveOut(DatagramUnknownType)
			return nil, nil
		}
		if s != nil {
			a.forget(s)
		}
		s = a.join(key, from, now)
		s.opener = opener
		s.asking.seal = s.opener.seal
	}
	s.opener.counter = h.counter
	return s, open
}

// openSegment opens a segment in place. It returns false and the reason if the segment is not to be believed, or if it would
// be of no use anyway.
func (s *stream) openSegment(seg *segment) (why DatagramDrop, opened bool) {
	if why, useless := s.ordering.useless(seg); useless {
		return why, false
	}
	if seg.FrameID < s.opener.oldest {
		return DatagramReplayed, false
	}
	if !seg.open(s.opener.segments, &s.opener.nonce) {
		return DatagramWrongKey, false
	}
	return 0, true
}
