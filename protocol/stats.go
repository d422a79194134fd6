package protocol

import (
	"fmt"
	"net/netip"
	"time"
)

// A FrameDrop is the reason why a frame was not handed on.
type FrameDrop uint8

// The reasons why frames are dropped.
const (
	FrameLost       FrameDrop = iota // nothing of it came
	FrameLate                        // it was not whole by its deadline
	FrameSuperseded                  // newer frames could not wait for it any longer
	FrameCorrupt                     // its CRC does not match
	FrameNotJPEG                     // the frame arrived as it was sent, but is not a JPEG
	FrameOverLimit                   // other unfinished frames needed its memory
	numFrameDrops
)

var frameDropNames = [...]string{"lost", "late", "superseded", "corrupt", "not-jpeg", "over-limit"}

func (d FrameDrop) String() string { return frameDropNames[d] }

// A DatagramDrop is the reason why a datagram was left out.
type DatagramDrop uint8

// The reasons why datagrams are left out. The last three are harmless.
const (
	DatagramForeign      DatagramDrop = iota // it is not of this wire
	DatagramUnknownType                      // this version does not know its type
	DatagramMalformed                        // its fields contradict each other
	DatagramUnwanted                         // it comes from an address or network that is not listened to
	DatagramUnsealed                         // it is open, and this receiver has a key
	DatagramSealed                           // it is sealed, and this receiver has no key
	DatagramWrongKey                         // no key of this receiver opens the datagram, or it was changed on the way
	DatagramReplayed                         // it may be a recording
	DatagramUnannounced                      // it is sealed, and its stream has not been announced yet
	DatagramInconsistent                     // it contradicts other datagrams of its frame
	DatagramStray                            // the ID of its frame is far from those of the frames before
	DatagramOverLimit                        // its stream has too many unfinished frames, or its frame no memory for it yet
	DatagramLate                             // its frame was dropped before, or a newer one was handed on
	DatagramSpare                            // its frame or block was whole without it: parity, if nothing was lost
	DatagramDuplicate                        // it came before
	numDatagramDrops
)

var datagramDropNames = [...]string{"foreign", "unknown-type", "malformed", "unwanted", "unsealed", "sealed", "wrong-key", "replayed",
	"unannounced", "inconsistent", "stray", "over-limit", "late", "spare", "duplicate"}

func (d DatagramDrop) String() string { return datagramDropNames[d] }

// FrameDrops counts dropped frames by reason.
type FrameDrops [numFrameDrops]uint64

// Total is the sum over all reasons.
func (d FrameDrops) Total() uint64 { return total(d[:]) }

// Map returns the counts that are not zero, by the names of the reasons.
func (d FrameDrops) Map() map[string]uint64 { return nonZero(d[:], frameDropNames[:]) }

// DatagramDrops counts datagrams left out by reason.
type DatagramDrops [numDatagramDrops]uint64

// Total is the sum over all reasons.
func (d DatagramDrops) Total() uint64 { return total(d[:]) }

// Map returns the counts that are not zero, by the names of the reasons.
func (d DatagramDrops) Map() map[string]uint64 { return nonZero(d[:], datagramDropNames[:]) }

// Stats counts what an assembler has done since it was made.
type Stats struct {
	Frames     uint64        // handed on
	FrameBytes uint64        // bytes in the frames
	Dropped    FrameDrops    // frames that were not handed on
	Skipped    uint64        // frames that the sender left out, because the path does not carry all
	Datagrams  uint64        // all that came
	LeftOut    DatagramDrops // datagrams that were of no use
	// Expected and Received count the datagrams of trains: data and parity, without answers to requests. A frame is counted
	// some frames after it is finished. 1 - Received/Expected is the loss of the network, as far as it can be seen here.
	Expected, Received uint64
	ByParity           uint64 // frames that were handed on thanks to parity alone
	ByRequest          uint64 // frames that were handed on thanks to answers to requests
	Requests           uint64 // datagrams that asked for missing segments
	Feedback           uint64 // datagrams sent to senders: reports and requests
	// Pending is how many bytes unfinished frames hold now. Streams is how many streams are followed now.
	Pending, Streams int
}

// leaveOut counts a datagram that belongs to no stream.
func (s *Stats) leaveOut(why DatagramDrop) {
	s.Datagrams++
	s.LeftOut[why]++
}

// spoiled counts what only a forger does to a frame: no path changes a datagram unnoticed.
func (s *Stats) spoiled() uint64 {
	return s.Dropped[FrameCorrupt] + s.LeftOut[DatagramInconsistent] + s.LeftOut[DatagramStray]
}

func (s *Stats) add(o *Stats) {
	for i := range s.Dropped {
		s.Dropped[i] += o.Dropped[i]
	}
	for i := range s.LeftOut {
		s.LeftOut[i] += o.LeftOut[i]
	}
	s.Frames += o.Frames
	s.FrameBytes += o.FrameBytes
	s.Skipped += o.Skipped
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

// A StreamInfo is what is known of a stream that is followed.
type StreamInfo struct {
	Name      string         // under which its frames are handed on
	From      netip.AddrPort // where the stream's last datagram came from
	Announced Announcement   // zero if no announcement has come, and always on the classic wire
	Seen      time.Time      // when the stream's last datagram came
	Stats     Stats          // of the stream since it was joined; Pending and Streams are 0

	// RTT is the round-trip time to the sender, 0 if it is not known.
	RTT time.Duration
	// ClockOffset is by how much the sender's clock is ahead of this one, and ClockUncertainty the largest error of that.
	// Both count only if ClockKnown. A frame captured at t by the sender's clock was captured at t - ClockOffset by this
	// one.
	ClockOffset, ClockUncertainty time.Duration
	ClockKnown                    bool

	// Sealed says that the stream is encrypted and authenticated. Key is the ID of its key.
	Sealed bool
	Key    KeyID
}

// A LockedStream is a stream that comes, but is not shown.
type LockedStream struct {
	From netip.AddrPort
	Why  LockReason
	Key  KeyID // of the key that it is sealed with, 0 if it is open
}

// A LockReason is the reason why a stream is not shown.
type LockReason uint8

// The reasons why a stream is not shown.
const (
	LockedNoKey    LockReason = iota // it is sealed, and the receiver does not have the key
	LockedOpen                       // it is open, and the receiver has keys
	LockedUnproven                   // the key fits, but the stream has not proved that it is not a recording
	LockedOwn                        // it has come through this relay already
)

// String says what is wrong and what to do.
func (l LockedStream) String() string {
	from := l.From.Addr().Unmap()
	switch l.Why {
	case LockedNoKey:
		return fmt.Sprintf("a sealed stream from %v (key %v): give its key with --key", from, l.Key)
	case LockedOpen:
		return fmt.Sprintf("a stream from %v is not sealed, and is ignored: give its sender the key too", from)
	case LockedOwn:
		return fmt.Sprintf("a stream from %v has come through this relay already, and is ignored: does a relay there take streams "+
			"from here?", l.From)
	}
	return fmt.Sprintf("a sealed stream from %v (key %v) does not answer, so it may be a recording: "+
		"if its sender is one-way, receive with --feedback=false too", from, l.Key)
}
