package sender

import (
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"udpcam/protocol"
)

// lastID is the last frame ID of a sealed session. IDs do not wrap there, because no two frames may have the same ID.
const lastID = math.MaxUint32

// A splitter makes the datagrams of a wire.
type splitter interface {
	Split(o *protocol.Outgoing, f protocol.Frame, parity int) error
	SegmentSize() int
	Resize(size int)
	Announce(a protocol.Announcement, clock *protocol.RemoteClock, now time.Time) []protocol.Datagram
	Skip(first, last uint32) []protocol.Datagram
	Feedback(b []byte, now time.Time) (protocol.Feedback, error)
}

// newSession begins a session. Frame IDs begin at 0.
func (s *Sender) newSession(segmentSize int) error {
	key := s.config.Key
	if s.config.Wire == protocol.WireClassic {
		if key != (protocol.Key{}) {
			return errors.New("the classic wire cannot be sealed: leave out the key, or choose the wire udpcam/1")
		}
		splitter, err := protocol.NewClassicSplitter(s.config.SegmentSize)
		s.splitter = splitter
		return err
	}
	session := rand.Uint32N(1 << 24)
	splitter, err := protocol.NewSplitter(session, 0, segmentSize)
	if err != nil {
		return err
	}
	s.session.Store(session)
	if key != (protocol.Key{}) {
		splitter.Seal(key)
	}
	s.splitter, s.nextID = splitter, 0
	s.ring.evict(s.ring.count)
	for _, d := range s.destinations {
		d.announced = announced{}
	}
	return nil
}
