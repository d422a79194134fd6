package sender

import (
	"maps"

	"udpcam/protocol"
)

// Stats counts what a sender has done since it was made.
type Stats struct {
	Frames     uint64 // sent, each counted once however many destinations there are
	FrameBytes uint64 // in them
	Skipped    uint64 // frames that were not sent because a path carries fewer than there are
	Datagrams  uint64 // handed to the network, to all destinations together
	WireBytes  uint64 // in them, without IP and UDP headers
	Parity     uint64 // datagrams of parity that followed their frames' data, of Datagrams
	Requests   uint64 // for what was lost, from receivers
	Answered   uint64 // datagrams in answer to requests, of Datagrams
	Failed     uint64 // how often a frame could not be sent whole to a destination

	// RefusedFeedback is what came and was not heeded, by reason. Who is handed it may keep it.
	RefusedFeedback map[FeedbackRefusal]uint64
}

// A FeedbackRefusal is a reason for which a datagram that came to a sender was not heeded.
type FeedbackRefusal string

// The reasons for which feedback is refused.
const (
	FeedbackStranger     FeedbackRefusal = "stranger"      // not from an address that is sent to
	FeedbackForeign      FeedbackRefusal = "foreign"       // not of this wire, or no feedback
	FeedbackMalformed    FeedbackRefusal = "malformed"     // its fields contradict each other, or what was sent
	FeedbackOtherSession FeedbackRefusal = "other-session" // not about this stream: meant for a sender that is gone
	FeedbackGone         FeedbackRefusal = "gone"          // it asks for a frame that is not kept any more
	FeedbackOverLimit    FeedbackRefusal = "over-limit"    // it asks for more than its address may be sent
	FeedbackOverload     FeedbackRefusal = "overload"      // it asks for much, of a path that is overloaded
	FeedbackUnsealed     FeedbackRefusal = "unsealed"      // it is open, and this sender has a key
	FeedbackWrongKey     FeedbackRefusal = "wrong-key"     // this sender's key does not open it
	FeedbackReplayed     FeedbackRefusal = "replayed"      // it was sent before: somebody recorded it
)

// refusalOf is the reason for which a wire refuses a datagram.
func refusalOf(err error) FeedbackRefusal {
	switch err {
	case protocol.ErrMalformed:
		return FeedbackMalformed
	case protocol.ErrOtherSession:
		return FeedbackOtherSession
	case protocol.ErrUnsealed:
		return FeedbackUnsealed
	case protocol.ErrWrongKey:
		return FeedbackWrongKey
	case protocol.ErrReplayed:
		return FeedbackReplayed
	}
	return FeedbackForeign
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

// Pressure is the share of what the source makes that the narrowest path carries, 1 if that is all. A source that can
// should make its frames smaller by this factor: then fewer are skipped, or none.
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
