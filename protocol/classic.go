package protocol

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"udpcam/protocol/mjpeg"
)

// A classic datagram is one countdown byte, then up to 65,472 bytes of the picture, in order.
//
//	+-----------+--------------------
//	| Countdown | part of the JPEG …     Countdown: segments still to come, this one included; 1 = last
//	+-----------+--------------------
//
// There is no frame ID. So only a step in the countdown tells a receiver that a segment is lost.
const (
	// ClassicSegmentSize is the most bytes that a classic segment carries: 2¹⁶ - 64.
	ClassicSegmentSize = 1<<16 - 64

	// ClassicMaxSegments is the most segments that the countdown byte can count.
	ClassicMaxSegments = 255

	// classicMaxSenders is how many addresses a classic receiver follows at once. It stops forged addresses from filling
	// the memory.
	classicMaxSenders = 64
)

// A ClassicSplitter turns frames into classic datagrams. It has the methods of a [Splitter].
type ClassicSplitter struct {
	segmentSize int
	splitting
}

// NewClassicSplitter returns a splitter whose segments carry at most segmentSize bytes. 0 means ClassicSegmentSize.
func NewClassicSplitter(segmentSize int) (*ClassicSplitter, error) {
	segmentSize = cmp.Or(segmentSize, ClassicSegmentSize)
	if segmentSize < MinSegmentSize || segmentSize > MaxDatagram-1 {
		return nil, fmt.Errorf("segment size %d: give %d to %d bytes", segmentSize, MinSegmentSize, ClassicSegmentSize)
	}
	return &ClassicSplitter{segmentSize: min(segmentSize, ClassicSegmentSize)}, nil
}

// SegmentSize is the most bytes that a segment carries.
func (s *ClassicSplitter) SegmentSize() int { return s.segmentSize }

// Resize has the segments of the frames that follow carry at most size bytes.
func (s *ClassicSplitter) Resize(size int) { s.segmentSize = min(size, ClassicSegmentSize) }

// Split splits a frame as [Splitter.Split] does, but without parity. The error is ErrFrameSize.
func (s *ClassicSplitter) Split(o *Outgoing, f Frame, _ int) error {
	n := ceilDiv(len(f.JPEG), s.segmentSize)
	if n == 0 || n > ClassicMaxSegments || len(f.JPEG) > MaxFrameSize {
		return fmt.Errorf("%w: %d bytes, of at most %d", ErrFrameSize, len(f.JPEG),
			min(ClassicMaxSegments*s.segmentSize, MaxFrameSize))
	}
	o.begin(&s.splitting, layout{length: len(f.JPEG), blocks: 1, data: n, stride: s.segmentSize}, f)
	o.header, o.appendHeader, o.overhead = segmentHeader{FrameID: f.ID}, appendCountdown, 1
	o.rows = 0
	return nil
}

func appendCountdown(h *segmentHeader, b []byte) []byte { return append(b, h.Countdown) }

// Announce returns nothing: the wire has no announcements.
func (s *ClassicSplitter) Announce(Announcement, *RemoteClock, time.Time) []Datagram { return nil }

// Skip returns nothing: the wire cannot say it.
func (s *ClassicSplitter) Skip(_, _ uint32) []Datagram { return nil }

// Feedback returns ErrForeign: nothing comes back on this wire.
func (s *ClassicSplitter) Feedback([]byte, time.Time) (f Feedback, err error) { return f, ErrForeign }

// A ClassicAssembler turns classic datagrams into frames. Each address is a stream of its own. The first segment of a frame
// is one that begins as a JPEG does. The others must follow it in order, down to countdown 1. The wire has no checksum, so a
// frame is handed on only if the markers of the JPEG are in order: see [mjpeg.Check]. It has the methods of an [Assembler].
type ClassicAssembler struct {
	config  AssemblerConfig
	keyring keyring
	senders map[netip.AddrPort]*classicSender
	ready   []Frame
	pending int   // bytes in unfinished frames
	tally   Stats // of datagrams without a sender, and of forgotten senders
}

// A classicSender is an address, with the frame that is coming from it.
type classicSender struct {
	seen  time.Time // when its last datagram came
	id    uint32    // of the next frame: the wire has no IDs, so they are counted here
	next  int       // the countdown that must come next, 0 between frames
	count int       // segments of the frame
	start time.Time // when the frame's first segment came
	bytes []byte    // the bytes of the frame so far
	prev  byte      // the countdown of the last datagram
	label string    // the stream's name, "" before the first frame
	tally Stats
}

// NewClassicAssembler returns an assembler with no senders.
func NewClassicAssembler(c AssemblerConfig) *ClassicAssembler {
	c.Deadline = cmp.Or(c.Deadline, DefaultDeadline)
	return &ClassicAssembler{config: c, keyring: newKeyring(c.Keys), senders: map[netip.AddrPort]*classicSender{}}
}

// Add adds a datagram that came from an address.
func (a *ClassicAssembler) Add(b []byte, from netip.AddrPort, now time.Time) {
	switch {
	case !a.config.wants(from):
		a.tally.leaveOut(DatagramUnwanted)
		return
	case len(b) < 2 || len(b) > 1+ClassicSegmentSize || b[0] == 0:
		a.tally.leaveOut(DatagramForeign)
		return
	case len(a.keyring.keys) > 0:
		a.tally.leaveOut(DatagramUnsealed)
		a.keyring.noteLocked(LockedStream{From: from, Why: LockedOpen}, now)
		return
	}
	s := a.sender(from, now)
	s.tally.Datagrams++
	countdown, payload := int(b[0]), b[1:]
	repeated := s.next != 0 && b[0] == s.prev && bytes.HasSuffix(s.bytes, payload)
	switch {
	case repeated:
		s.tally.LeftOut[DatagramDuplicate]++
		return
	case bytes.HasPrefix(payload, []byte{0xff, 0xd8, 0xff}): // a JPEG's first bytes: SOI and the next marker
		a.drop(s)
		s.start, s.count = now, countdown
	case countdown != s.next:
		a.drop(s)
		s.tally.LeftOut[DatagramLate]++
		return
	}
	if len(s.bytes)+len(payload) > MaxFrameSize || a.pending+len(payload) > MaxPendingMemory {
		s.tally.LeftOut[DatagramOverLimit]++
		a.drop(s)
		return
	}
	s.bytes = append(s.bytes, payload...)
	a.pending += len(payload)
	s.prev, s.next = b[0], countdown-1
	if s.next == 0 {
		a.finish(s, from, now)
	}
}

// Next returns the next frame that is ready to be handed on. Each frame has memory of its own, so [Frame.Keep] does not
// copy.
func (a *ClassicAssembler) Next() (Frame, bool) {
	if len(a.ready) == 0 {
		return Frame{}, false
	}
	f := a.ready[0]
	a.ready = slices.Delete(a.ready, 0, 1)
	return f, true
}

// NextLocked returns the next stream that is ignored because the assembler has keys: classic streams are never sealed.
func (a *ClassicAssembler) NextLocked() (l LockedStream, ok bool) { return a.keyring.next() }

// NextFeedback returns nothing: the wire has no feedback.
func (a *ClassicAssembler) NextFeedback() (b []byte, to netip.AddrPort, ok bool) {
	return nil, to, false
}

// Deadline returns when Expire is to be called, the zero time if nothing waits.
func (a *ClassicAssembler) Deadline() (next time.Time) {
	for _, s := range a.senders {
		at := s.seen.Add(streamExpiry)
		if s.next != 0 {
			at = s.start.Add(a.config.Deadline)
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// Expire drops frames that are too late, and forgets senders that have long been silent.
func (a *ClassicAssembler) Expire(now time.Time) {
	for from, s := range a.senders {
		if now.Sub(s.start) >= a.config.Deadline {
			a.drop(s)
		}
		if now.Sub(s.seen) >= streamExpiry {
			a.forget(from)
		}
	}
}

// Stats returns what has been counted so far. Each address counts as a stream.
func (a *ClassicAssembler) Stats() Stats {
	st := a.tally
	for _, s := range a.senders {
		st.add(&s.tally)
	}
	st.Pending, st.Streams = a.pending, len(a.senders)
	return st
}

// Streams returns what is known of each sender that has delivered a frame, sorted by name.
func (a *ClassicAssembler) Streams() []StreamInfo {
	var infos []StreamInfo
	for from, s := range a.senders {
		if s.label != "" {
			infos = append(infos, StreamInfo{Name: s.label, From: from, Seen: s.seen, Stats: s.tally})
		}
	}
	slices.SortFunc(infos, func(a, b StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}

// sender returns the sender with that address. If it is new and there are too many, the one that has delivered least gives
// way, of equal ones that which was silent longest.
func (a *ClassicAssembler) sender(from netip.AddrPort, now time.Time) *classicSender {
	s := a.senders[from]
	if s == nil {
		if len(a.senders) == classicMaxSenders {
			a.forget(slices.MinFunc(slices.Collect(maps.Keys(a.senders)), func(x, y netip.AddrPort) int {
				s, o := a.senders[x], a.senders[y]
				return cmp.Or(cmp.Compare(s.tally.Frames, o.tally.Frames), s.seen.Compare(o.seen))
			}))
		}
		s = &classicSender{}
		a.senders[from] = s
	}
	s.seen = now
	return s
}

// forget drops a sender and its unfinished frame. Its counts stay in the totals.
func (a *ClassicAssembler) forget(from netip.AddrPort) {
	s := a.senders[from]
	a.drop(s)
	a.tally.add(&s.tally)
	delete(a.senders, from)
}

// finish hands on a sender's frame after its last segment, if it is a whole JPEG.
func (a *ClassicAssembler) finish(s *classicSender, from netip.AddrPort, now time.Time) {
	jpeg := s.bytes
	a.account(s)
	if mjpeg.Check(jpeg) != nil {
		s.tally.Dropped[FrameCorrupt]++
		return
	}
	a.label(s, from, now)
	a.ready = append(a.ready, Frame{Stream: s.label, ID: s.id, Captured: now, JPEG: jpeg}.Immutable())
	s.id++
	s.tally.Frames++
	s.tally.FrameBytes += uint64(len(jpeg))
}

// label names a sender's stream after its host. It adds the port if a living sender on the same host has that name.
func (a *ClassicAssembler) label(s *classicSender, from netip.AddrPort, now time.Time) {
	s.label = from.Addr().Unmap().String()
	for _, o := range a.senders {
		if o != s && o.label == s.label && now.Sub(o.seen) < fellSilent {
			s.label = net.JoinHostPort(s.label, strconv.Itoa(int(from.Port())))
			return
		}
	}
}

// drop drops the frame that a sender has begun, if any.
func (a *ClassicAssembler) drop(s *classicSender) {
	if s.next != 0 {
		a.account(s)
		s.tally.Dropped[FrameSuperseded]++
	}
}

// account counts a frame and its received segments, and makes the sender ready for the next frame.
func (a *ClassicAssembler) account(s *classicSender) {
	a.pending -= len(s.bytes)
	s.tally.Expected += uint64(s.count)
	s.tally.Received += uint64(s.count - s.next)
	s.next, s.count, s.bytes = 0, 0, nil
}
