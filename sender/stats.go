package sender

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

	RefusedFeedback FeedbackRefusals // what came and was not heeded
}

// A FeedbackRefusal is a reason for which a datagram that came to a sender was not heeded.
type FeedbackRefusal uint8

// The reasons for which feedback is refused.
const (
	FeedbackStranger     FeedbackRefusal = iota // not from an address that is sent to
	FeedbackForeign                             // not of this wire, or no feedback
	FeedbackMalformed                           // its fields contradict each other, or what was sent
	FeedbackOtherSession                        // not about this stream: meant for a sender that is gone
	FeedbackGone                                // it asks for a frame that is not kept any more
	FeedbackOverLimit                           // it asks for more than its address may be sent
	FeedbackOverload                            // it asks for much, of a path that is overloaded
	numFeedbackRefusals
)

var feedbackRefusalNames = [...]string{
	"stranger", "foreign", "malformed", "other-session", "gone", "over-limit", "overload",
}

func (r FeedbackRefusal) String() string { return feedbackRefusalNames[r] }

// FeedbackRefusals counts refused feedback by reason.
type FeedbackRefusals [numFeedbackRefusals]uint64

// Total is the sum over all reasons.
func (r FeedbackRefusals) Total() (n uint64) {
	for _, c := range r {
		n += c
	}
	return n
}

// Map returns the counts that are not zero by the reason's name.
func (r FeedbackRefusals) Map() map[string]uint64 {
	m := map[string]uint64{}
	for i, c := range r {
		if c != 0 {
			m[feedbackRefusalNames[i]] = c
		}
	}
	return m
}
