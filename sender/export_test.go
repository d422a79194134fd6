package sender

import (
	"context"
	"net/netip"

	"udpcam/protocol"
)

// Follow has the i-th destination's name looked up again, as Dial does.
func (s *Sender) Follow(i int, name string, open func(context.Context, netip.Addr) (protocol.Conn, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.destinations[i]
	d.name, d.open, d.looked = name, open, s.config.Clock.Now()
}

// SetNextID sets the ID of the next frame.
func (s *Sender) SetNextID(id uint32) { s.nextID = id }

// SegmentSize is the segment size of the last frame.
func (s *Sender) SegmentSize() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.splitter.SegmentSize()
}
