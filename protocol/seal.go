package protocol

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"
)

// Sealed datagrams are those of senders and receivers that share a [Key]. Each is encrypted and authenticated. What stands
// before the encrypted part is authenticated too. README.md beside this file has the whole construction.
//
// Segments are sealed by AES-256-GCM (NIST SP 800-38D) where the sender's processor has instructions for it, and else by
// ChaCha20-Poly1305 (RFC 8439): see suite. They keep their header, in clear, with a CRC of 0. The nonce is the first 12
// bytes of the header, and costs no bytes. The key is the session's, made of the shared key and a salt that the sender draws
// when it starts. So no two datagrams of different content ever have the same key and nonce: a session never uses a frame ID
// twice, each row of parity and each data segment of a frame is the same bytes however often it is sent, and an answer has
// another type.
//
// Announcements, reports and requests are control datagrams. Each carries its own nonce of 24 bytes (XChaCha20-Poly1305,
// draft-irtf-cfrg-xchacha-03): the random bytes of whoever sends it, and a counter.
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

	// believed is for how long after it was sent an announcement can prove, by its echo in a report, that the report is
	// not a recording. It is longer than any round trip.
	believed = 5 * time.Second

	// maxReceivers is how many receivers a sealed sender listens to. It stops somebody who has the key and is broken from
	// filling the memory.
	maxReceivers = 64

	// replayWindow is how many frames older than the newest that was announced a sealed datagram may be. It stops
	// recorded datagrams of the same session from being shown to a receiver that joins. Senders keep 128 frames for
	// answers, so no honest datagram is older.
	replayWindow = 128
)

// Errors of opening a sealed datagram.
var (
	// ErrUnsealed is an open datagram that came to somebody who has a key.
	ErrUnsealed = errors.New("not sealed")
	// ErrWrongKey is a sealed datagram that this key does not open: it was sealed with another, or it was changed.
	ErrWrongKey = errors.New("sealed with another key, or changed on the way")
	// ErrReplayed is a datagram that was sealed with the right key, but before.
	ErrReplayed = errors.New("sent before")
	// ErrOtherSession is feedback about another stream, such as that of a sender that is gone.
	ErrOtherSession = errors.New("about another session")
)

// A controlHeader is what stands in clear before a sealed control datagram.
type controlHeader struct {
	origin  [saltSize]byte
	counter uint64
	key     KeyID
	suite   suite // of the segments, in announcements; else 0
}

// sealControl seals an open control datagram and returns it behind the bytes of b.
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

// parseControlHeader reads the clear part of a sealed control datagram.
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

// openControl opens a sealed control datagram and returns what the open one would be, in its memory. It returns nil if the
// key is another one. The datagram's bytes are gone in both cases.
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

// A sealing is how a splitter seals one session, and opens what receivers say of it.
type sealing struct {
	announcements, segments, feedback cipher.AEAD

	control   controlHeader // of the last announcement
	started   bool          // whether a frame has been sealed
	newest    uint32        // its ID
	receivers map[[saltSize]byte]*knownReceiver

	// Sealed datagrams lie here, whole: those of the frame that leaves now, and those of an answer about an earlier one.
	// They are not the frames' own, so that what is written is still in the processor's cache from the frame before.
	leaving, answering []byte
}

// A knownReceiver is what a sealed sender remembers of a receiver, so that nothing it said counts twice.
type knownReceiver struct {
	counter uint64
	heard   time.Time
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

// randomOrigin draws a session's salt or a receiver's ID.
func randomOrigin() (b [saltSize]byte) {
	rand.Read(b[:])
	return b
}

// announce seals an announcement.
func (s *sealing) announce(open []byte) []byte {
	s.control.counter++
	return sealControl(make([]byte, 0, len(open)+controlHeaderSize+TagSize), s.announcements, s.control, open)
}

// fresh reports whether a frame may have that ID.
func (s *sealing) fresh(id uint32) bool { return !s.started || id > s.newest }

// begin records that the datagrams of a frame are sealed from now on.
func (s *sealing) begin(id uint32) { s.started, s.newest = true, id }

func (s *sealing) buffer(answer bool) *[]byte {
	if answer {
		return &s.answering
	}
	return &s.leaving
}

// sealSegment adds a payload behind its header, which begins at at in b, and seals it.
func (s *sealing) sealSegment(b []byte, at int, payload []byte) []byte {
	return s.segments.Seal(b, b[at:][:segmentNonceSize], payload, b[at:])
}

// open opens what a receiver says. A receiver that is not known yet is believed if it echoes an announcement of the last
// seconds: nobody could have recorded that before. Its first datagram must be a report, because only reports echo.
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

// forget forgets receivers that have said nothing for so long that no recording of them would be believed. It reports
// whether there is room for another.
func (s *sealing) forget(now time.Time) bool {
	for id, r := range s.receivers {
		if now.Sub(r.heard) > believed {
			delete(s.receivers, id)
		}
	}
	return len(s.receivers) < maxReceivers
}
