package sender

import (
	"maps"
	"net/netip"

	"udpcam/protocol"
)

// Stats counts what a sender has done since it was made.
type Stats struct {
	Frames     uint64 // sent; each counts once, for all destinations together
	FrameBytes uint64 // bytes in the frames that were sent
	Skipped    uint64 // frames that were sent to nobody, because no path carries all
	Datagrams  uint64 // handed to the network, for all destinations together
	WireBytes  uint64 // bytes in the datagrams, without IP and UDP headers
	Parity     uint64 // how many of Datagrams were parity that followed its frame's data
	Requests   uint64 // from receivers, for missing segments
	Answered   uint64 // how many of Datagrams were answers to requests
	Failed     uint64 // how often something could not be sent to a destination: part of a frame, or an announcement

	// RefusedFeedback counts the datagrams that came and were ignored, by reason. The map is the caller's to keep.
	RefusedFeedback map[FeedbackRefusal]uint64
}

// A FeedbackRefusal is the reason why a sender ignored a datagram.
type FeedbackRefusal string

// The reasons why feedback is refused.
const (
	FeedbackStranger     FeedbackRefusal = "stranger"      // its address is not a destination
	FeedbackForeign      FeedbackRefusal = "foreign"       // it is not of this wire, or no feedback
	FeedbackMalformed    FeedbackRefusal = "malformed"     // its fields contradict each other, or what was sent
	FeedbackUnproven     FeedbackRefusal = "unproven"      // it is a report that echoes no announcement of the last seconds
	FeedbackOtherSession FeedbackRefusal = "other-session" // it is about another stream, such as that of an ended sender
	FeedbackGone         FeedbackRefusal = "gone"          // it asks for a frame that is not kept any more
	FeedbackOverLimit    FeedbackRefusal = "over-limit"    // its address has no allowance left
	FeedbackOverload     FeedbackRefusal = "overload"      // the path has no room for such a large answer
	FeedbackUnsealed     FeedbackRefusal = "unsealed"      // it is open, and this sender has a key
	FeedbackWrongKey     FeedbackRefusal = "wrong-key"     // this sender's key does not open it
	FeedbackReplayed     FeedbackRefusal = "replayed"      // it may be a recording
)

// refusals are the reasons for the errors of a wire. All others are FeedbackForeign.
var refusals = map[error]FeedbackRefusal{
	protocol.ErrMalformed:    FeedbackMalformed,
	protocol.ErrOtherSession: FeedbackOtherSession,
	protocol.ErrUnsealed:     FeedbackUnsealed,
	protocol.ErrWrongKey:     FeedbackWrongKey,
	protocol.ErrReplayed:     FeedbackReplayed,
}

// Announcement is what receivers are told of the stream now.
func (s *Sender) Announcement() protocol.Announcement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.announcer.announcement(max(s.nextID, 1) - 1)
}

// Addrs returns the addresses that the sender sends to now.
func (s *Sender) Addrs() (addrs []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.destinations {
		addrs = append(addrs, d.Addr)
	}
	return addrs
}

// Destinations returns what is known of each address that the sender sends to.
func (s *Sender) Destinations() (infos []DestinationInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.destinations {
		infos = append(infos, d.info(s.config.Clock.Now()))
	}
	return infos
}

// Pressure is the share of the source's bytes that the path which carries most carries, 1 if it carries all. If a source can
// make its frames smaller, it should do so by this factor: then fewer frames are skipped. Narrower paths get fewer frames.
func (s *Sender) Pressure() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pressure
}

// Stats returns what has been counted so far.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.RefusedFeedback = maps.Clone(st.RefusedFeedback)
	return st
}
