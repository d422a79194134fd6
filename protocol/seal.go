package protocol

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"maps"
	"time"
)

// Senders and receivers that share a [Key] seal their datagrams: they encrypt and authenticate them. The header of a sealed
// datagram is not encrypted, but authenticated. README.md in this folder has the whole construction.
//
// Segments are sealed by AES-256-GCM (NIST SP 800-38D) if the sender's processor has instructions for it, else by
// ChaCha20-Poly1305 (RFC 8439): see suite. The header is the same as of an open segment, with a CRC of 0. The nonce is made
// of the header, so it costs no bytes. Each session has a key of its own, made of the shared key and a salt
// that the sender draws when it starts. No two different datagrams ever have the same key and nonce:
//
//   - A session uses a frame ID for one frame only.
//   - A segment that is sent again has the same bytes.
//   - A segment that leaves with another amount of parity has another nonce, and so has an answer to a request.
//
// Announcements, reports and requests are control datagrams. They are sealed by XChaCha20-Poly1305
// (draft-irtf-cfrg-xchacha-03). Each carries its nonce of 24 bytes: random bytes that its origin draws once, and a counter.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Countdown   |  Magic 0xCA   |S|Ver=1| Type  |    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |     Block     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|        Origin, 16 bytes: the session's salt if it is an       |
//	|        announcement, else the receiver's random ID            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|        Counter, 8 bytes: only grows                           |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|            Key ID             |     Suite     |       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  encrypted: what follows the first 8 bytes of an open one …
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                        Tag, 16 bytes                          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

const (
	// TagSize is how many bytes the authentication tag of a sealed datagram has.
	TagSize = 16

	saltSize          = 16
	controlNonceSize  = saltSize + 8
	controlHeaderSize = prefixSize + controlNonceSize + 4
	segmentNonceSize  = 12

	// believed is how old the announcement may be that a new receiver's report echoes. If it is older, the report may be a
	// recording. It is longer than any round trip.
	believed = 5 * time.Second
)

// Errors of opening a sealed datagram.
var (
	// ErrUnsealed means that a datagram is open, but this sender has a key.
	ErrUnsealed = errors.New("not sealed")
	// ErrWrongKey means that the key does not open a datagram: it was sealed with another key, or changed on the way.
	ErrWrongKey = errors.New("sealed with another key, or changed on the way")
	// ErrReplayed means that a datagram was sealed with the right key, but may be a recording.
	ErrReplayed = errors.New("sent before")
	// ErrOtherSession means that feedback is about another stream, such as that of a sender that has ended.
	ErrOtherSession = errors.New("about another session")
)

// A controlHeader is the part of a sealed control datagram that is not encrypted, without the prefix.
type controlHeader struct {
	origin  [saltSize]byte
	counter uint64
	key     KeyID
	suite   suite // of announcements: how the segments are sealed; else 0
}

// sealControl seals an open control datagram and appends it to b.
func sealControl(b []byte, aead cipher.AEAD, h controlHeader, open []byte) []byte {
	at := len(b)
	b = append(b, open[:prefixSize]...)
	b[at+2] |= sealedBit
	b = append(b, h.origin[:]...)
	b = binary.BigEndian.AppendUint64(b, h.counter)
	b = binary.BigEndian.AppendUint16(b, uint16(h.key))
	b = append(b, byte(h.suite), 0)
	header := b[at:]
	return aead.Seal(b, header[prefixSize:][:controlNonceSize], open[prefixSize:], header)
}

// parseControlHeader reads the header of a sealed control datagram. The error is ErrMalformed.
func parseControlHeader(b []byte) (h controlHeader, err error) {
	if len(b) < controlHeaderSize+TagSize {
		return h, ErrMalformed
	}
	copy(h.origin[:], b[prefixSize:])
	h.counter = binary.BigEndian.Uint64(b[prefixSize+saltSize:])
	h.key = KeyID(binary.BigEndian.Uint16(b[prefixSize+controlNonceSize:]))
	h.suite = suite(b[prefixSize+controlNonceSize+2])
	return h, nil
}

// openControl opens a sealed control datagram in place, and returns it as if it had been sent open. It returns nil if the
// key does not fit. In both cases b is destroyed.
func openControl(b []byte, aead cipher.AEAD) []byte {
	sealed := b[controlHeaderSize:]
	plain, err := aead.Open(sealed[:0], b[prefixSize:][:controlNonceSize], sealed, b[:controlHeaderSize])
	if err != nil {
		return nil
	}
	open := b[controlHeaderSize-prefixSize:][:prefixSize+len(plain)]
	copy(open, b[:prefixSize])
	open[2] &^= sealedBit
	return open
}

// A sealing seals what a splitter sends in one session, and opens the feedback of receivers.
type sealing struct {
	announcements, segments, feedback cipher.AEAD

	control   controlHeader // of the last control datagram
	started   bool          // whether a frame has been sealed
	newest    uint32        // the last sealed frame's ID
	receivers map[[saltSize]byte]*knownReceiver
}

// A knownReceiver is what a sealed sender remembers of a receiver, so that it accepts each of its datagrams only once.
type knownReceiver struct {
	counter uint64    // of the receiver's last datagram
	heard   time.Time // when the last datagram came
}

func newSealing(k Key, salt [saltSize]byte, by suite) *sealing {
	return &sealing{
		announcements: k.announcements(),
		segments:      k.segments(salt, by),
		feedback:      k.feedback(salt),
		control:       controlHeader{origin: salt, key: k.ID(), suite: by},
		receivers:     map[[saltSize]byte]*knownReceiver{},
	}
}

// randomOrigin draws the salt of a session or the ID of a receiver.
func randomOrigin() (b [saltSize]byte) {
	rand.Read(b[:])
	return b
}

// seal seals a control datagram of the sender.
func (s *sealing) seal(open []byte) []byte {
	s.control.counter++
	return sealControl(make([]byte, 0, len(open)+controlHeaderSize+TagSize), s.announcements, s.control, open)
}

// sealSegment seals a payload and appends it to b. The segment's header must be the end of b, from index at on. The nonce is
// memory for this call.
func (s *sealing) sealSegment(b []byte, at int, nonce *[segmentNonceSize]byte, payload []byte) []byte {
	segmentNonce(nonce, b[at:])
	return s.segments.Seal(b, nonce[:], payload, b[at:])
}

// segmentNonce makes the nonce of a segment from its header: the first bytes, which name the segment, with the amount of
// parity in place of the magic byte. For the same frame leaves with different amounts of parity for different receivers.
func segmentNonce(nonce *[segmentNonceSize]byte, header []byte) {
	copy(nonce[:], header)
	nonce[1] = header[17]
}

// open opens the feedback of a receiver in place. A new receiver must begin with a report that echoes an announcement of the
// last seconds. So the report cannot be an old recording.
func (s *sealing) open(b []byte, now time.Time) (f Feedback, err error) {
	h, err := parseControlHeader(b)
	if err != nil {
		return f, err
	}
	receiver := s.receivers[h.origin]
	if receiver != nil && h.counter <= receiver.counter {
		return f, ErrReplayed
	}
	open := openControl(b, s.feedback)
	if open == nil {
		return f, ErrWrongKey
	}
	f, err = parseFeedback(open, now)
	if err != nil {
		return f, err
	}
	if receiver == nil {
		if f.Report == nil || !f.clock.echoes(now.Add(-believed), now) || !s.forget(now) {
			return f, ErrReplayed
		}
		receiver = &knownReceiver{}
		s.receivers[h.origin] = receiver
		f.Joined = true
	}
	receiver.counter, receiver.heard = h.counter, now
	f.receiver = h.origin
	return f, nil
}

// forget forgets receivers that were silent for longer than believed: a recording of them would not be accepted any more. It
// reports whether there is room for another receiver.
func (s *sealing) forget(now time.Time) bool {
	maps.DeleteFunc(s.receivers, func(_ [saltSize]byte, r *knownReceiver) bool { return now.Sub(r.heard) > believed })
	return len(s.receivers) < maxReceivers
}
