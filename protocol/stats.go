package protocol

import (
	"fmt"
	"net/netip"
	"time"
)

// A FrameDrop is a reason for which a frame was not handed on.
type FrameDrop uint8

// The reasons for which frames are dropped.
const (
	FrameLost       FrameDrop = iota // nothing of it came
	FrameLate                        // it was not whole by its deadline
	FrameSuperseded                  // it was not whole when a newer one had waited for it as long as may be
	FrameCorrupt                     // its CRC does not match
	FrameNotJPEG                     // it came as it was sent, but it is no JPEG
	FrameOverLimit                   // the memory for unfinished frames was needed for others
	numFrameDrops
)

var frameDropNames = [...]string{"lost", "late", "superseded", "corrupt", "not-jpeg", "over-limit"}

func (d FrameDrop) String() string { return frameDropNames[d] }

// A DatagramDrop is a reason for which a datagram was left out.
type DatagramDrop uint8

// The reasons for which datagrams are left out. The last three are harmless.
const (
	DatagramForeign      DatagramDrop = iota // not of this wire at all
	DatagramUnknownType                      // of this wire, but a type that this version does not know
	DatagramMalformed                        // its fields contradict each other
	DatagramUnsealed                         // it is open, and this receiver has a key
	DatagramSealed                           // it is sealed, and this receiver has no key
	DatagramWrongKey                         // no key of this receiver opens it: it has another, or it was changed
	DatagramReplayed                         // it was sent before: somebody recorded it
	DatagramUnannounced                      // it is sealed, and its stream has not been announced yet
	DatagramInconsistent                     // it contradicts what other datagrams said about its frame
	DatagramOverLimit                        // beyond what its stream may have unfinished
	DatagramLate                             // its frame has been dropped, or a newer one handed on, already
	DatagramSpare                            // its frame or block was whole without it: parity, where nothing was lost
	DatagramDuplicate                        // it has been here before
	numDatagramDrops
)

var datagramDropNames = [...]string{"foreign", "unknown-type", "malformed", "unsealed", "sealed", "wrong-key", "replayed", "unannounced", "inconsistent", "over-limit", "late", "spare", "duplicate"}

func (d DatagramDrop) String() string { return datagramDropNames[d] }

// FrameDrops counts dropped frames by reason.
type FrameDrops [numFrameDrops]uint64

// Total is the sum over all reasons.
func (d FrameDrops) Total() uint64 { return total(d[:]) }

// Map returns the counts that are not zero by the reason's name.
func (d FrameDrops) Map() map[string]uint64 { return nonZero(d[:], frameDropNames[:]) }

// DatagramDrops counts datagrams left out by reason.
type DatagramDrops [numDatagramDrops]uint64

// Total is the sum over all reasons.
func (d DatagramDrops) Total() uint64 { return total(d[:]) }

// Map returns the counts that are not zero by the reason's name.
func (d DatagramDrops) Map() map[string]uint64 { return nonZero(d[:], datagramDropNames[:]) }

// Stats counts what an assembler has done since it was made.
type Stats struct {
	Frames     uint64        // handed on
	FrameBytes uint64        // in them
	Dropped    FrameDrops    // frames that were not handed on
	Datagrams  uint64        // all that came
	LeftOut    DatagramDrops // datagrams that were of no use
	// Expected and Received count the datagrams of frames as they were first sent, data and parity, answers to requests
	// left out, some frames after they are done with. 1 - Received/Expected is what the network loses, as far as it can
	// be seen from here.
	Expected, Received uint64
	ByParity           uint64 // frames that were handed on whole thanks to parity alone
	ByRequest          uint64 // and thanks to what was asked for
	Requests           uint64 // datagrams that asked for something
	Feedback           uint64 // datagrams sent back, requests among them
	// Pending is how many bytes unfinished frames hold now, and Streams how many streams are followed now.
	Pending, Streams int
}

// add adds the counts of o.
func (s *Stats) add(o *Stats) {
	for i := range s.Dropped {
		s.Dropped[i] += o.Dropped[i]
	}
	for i := range s.LeftOut {
		s.LeftOut[i] += o.LeftOut[i]
	}
	s.Frames += o.Frames
	s.FrameBytes += o.FrameBytes
	s.Datagrams += o.Datagrams
	s.Expected += o.Expected
	s.Received += o.Received
	s.ByParity += o.ByParity
	s.ByRequest += o.ByRequest
	s.Requests += o.Requests
	s.Feedback += o.Feedback
}

func total(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

func nonZero(counts []uint64, names []string) map[string]uint64 {
	m := map[string]uint64{}
	for i, c := range counts {
		if c != 0 {
			m[names[i]] = c
		}
	}
	return m
}

// A StreamInfo tells what is known of a stream that is being followed.
type StreamInfo struct {
	Name      string         // under which its frames are handed on
	From      netip.AddrPort // where its last datagram came from
	Announced Announcement   // zero if nothing has been announced, as always on the classic wire
	Seen      time.Time      // when its last datagram came
	Stats     Stats          // of its frames since it was joined; Pending and Streams are 0

	// RTT is the round-trip time to the sender, 0 if it is not known. ClockOffset is by how much the sender's clock is
	// ahead of this one, if ClockKnown, give or take ClockUncertainty: a frame captured at t by the sender's clock was
	// captured at t - ClockOffset by this one.
	RTT, ClockOffset, ClockUncertainty time.Duration
	ClockKnown                         bool

	// Sealed says that the stream is encrypted and authenticated, with the key of that ID.
	Sealed bool
	Key    KeyID
}

// A LockedStream is a stream that comes and is not shown.
type LockedStream struct {
	From netip.AddrPort
	Why  LockReason
	Key  KeyID // of the key that it is sealed with, 0 if it is open
}

// A LockReason is why a stream is not shown.
type LockReason uint8

// The reasons for which a stream is not shown.
const (
	LockedNoKey    LockReason = iota // it is sealed, and the receiver does not have the key
	LockedOpen                       // it is open, and the receiver has keys
	LockedUnproven                   // it opens, and does not show that it is no recording
)

// String says what is wrong and what to do.
func (l LockedStream) String() string {
	from := l.From.Addr().Unmap()
	switch l.Why {
	case LockedNoKey:
		return fmt.Sprintf("a sealed stream from %v (key %v): give its key with --key", from, l.Key)
	case LockedOpen:
		return fmt.Sprintf("a stream from %v is not sealed, and is ignored: give its sender the key too", from)
	}
	return fmt.Sprintf("a sealed stream from %v (key %v) does not answer, so it may be a recording: "+
		"if its sender is one-way, receive with --one-way too", from, l.Key)
}
