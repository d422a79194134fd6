package protocol

import (
	"net/netip"
	"time"

	"udpcam/protocol/mjpeg"
)

// A streamKey tells streams apart. A sender that restarts draws a new session, and so begins a new stream.
type streamKey struct {
	session uint32
	stream  uint8
}

// A stream makes frames from one sender's datagrams. It has three parts. For each segment, ordering finds the frame, and the
// frame places the segment (placing.go). Then ordering hands on whole frames, and asking asks for what is missing. All parts
// count in the same tally.
type stream struct {
	key    streamKey
	from   netip.AddrPort // where its last datagram came from
	joined time.Time      // when its first datagram came
	seen   time.Time      // when its last datagram came
	whole  time.Time      // when a frame was last whole, zero if never

	announced Announcement
	label     string    // the name under which its frames are handed on, "" as long as it has none
	displaced time.Time // when another stream took its name, zero if none has

	shared   *shared
	opener   *opener // nil if the stream is open
	tally    Stats
	ordering ordering
	asking   asking
	largest  int       // the most bytes that have arrived of one frame
	held     Frame     // the newest whole frame, as long as the stream has no name
	wake     time.Time // when to call attend at the latest
}

// A shared has the parts that all streams of an assembler share.
type shared struct {
	config   AssemblerConfig
	keyring  keyring
	memory   frameMemory
	ready    []Frame
	feedback []outgoingFeedback
}

type outgoingFeedback struct {
	to netip.AddrPort
	b  []byte
}

func newStream(key streamKey, sh *shared, now time.Time) *stream {
	s := &stream{key: key, joined: now, shared: sh}
	s.ordering = ordering{config: &sh.config, memory: &sh.memory, tally: &s.tally}
	s.asking = asking{config: &sh.config, tally: &s.tally, key: key, joined: now, reported: now}
	return s
}

// believed reports whether the stream may be shown. A sealed one must first prove that it is not a recording.
func (s *stream) believed() bool { return s.opener == nil || s.opener.live }

// host is the IP address that the stream comes from.
func (s *stream) host() string { return s.from.Addr().Unmap().String() }

// heard counts a datagram of size bytes.
func (s *stream) heard(size int, from netip.AddrPort, now time.Time) {
	s.from, s.seen = from, now
	s.tally.Datagrams++
	s.asking.heard(size)
}

// addSegment puts a segment into its frame, and returns the frame. It returns nil if the segment was of no use.
func (s *stream) addSegment(seg *segment, now time.Time) *pendingFrame {
	p, why := s.ordering.frame(seg, now)
	if p == nil {
		s.tally.LeftOut[why]++
		return nil
	}
	if !seg.repair {
		s.asking.arrived(p, seg, now)
	}
	if why, placed := p.place(seg, 2*s.largest, &s.shared.memory); !placed {
		s.tally.LeftOut[why]++
		return nil
	}
	if seg.repair {
		p.helped, s.asking.unanswered = true, 0
	}
	s.largest = max(s.largest, p.arrived)
	if p.missing == 0 {
		s.complete(p, now)
	}
	return p
}

// complete checks a frame that has all its segments.
func (s *stream) complete(p *pendingFrame, now time.Time) {
	jpeg := p.bytes[:p.layout.length]
	switch {
	case s.opener == nil && checksum(jpeg) != p.header.CRC:
		s.ordering.drop(p, FrameCorrupt)
	case !mjpeg.LooksLikeJPEG(jpeg):
		s.ordering.drop(p, FrameNotJPEG)
	default:
		p.state, p.wholeAt = whole, now
		if s.believed() {
			s.whole = now
		}
	}
}

// attend does everything that is due now. It sets wake to when it must be called again.
func (s *stream) attend(now time.Time) {
	s.wake = now.Add(reportInterval)
	o, a := &s.ordering, &s.asking
	o.expire(now)
	p, until := o.next(a.latency(a.config), now)
	for ; p != nil; p, until = o.next(a.latency(a.config), now) {
		s.handOn(p, now)
	}
	s.wakeAt(until)
	a.closeTrains(o.finished, now)
	a.closeTrains(o.pending, now)
	for p := o.forget(); p != nil; p = o.forget() {
		a.closeTrain(p, now)
		s.shared.memory.spare = p
	}
	for _, p := range o.pending {
		if p.waits() {
			s.wakeAt(a.ask(p, now))
			s.wakeAt(p.deadline)
		}
	}
	s.wakeAt(a.makeReport(now))
	for _, b := range a.out {
		s.shared.feedback = append(s.shared.feedback, outgoingFeedback{s.from, b})
	}
	a.out = a.out[:0]
}

// wakeAt moves wake to t if t is earlier, and not the zero time.
func (s *stream) wakeAt(t time.Time) {
	if !t.IsZero() && t.Before(s.wake) {
		s.wake = t
	}
}

// handOn hands on a frame that ordering has returned.
func (s *stream) handOn(p *pendingFrame, now time.Time) {
	switch {
	case p.helped:
		s.tally.ByRequest++
	case p.repaired:
		s.tally.ByParity++
	}
	s.held = Frame{ID: p.id, Captured: timeNear(p.header.Captured, now), JPEG: p.bytes[:p.layout.length],
		Sealed: s.opener != nil}
	p.free(&s.shared.memory)
	s.asking.fade()
	s.release()
}

// release hands on the frame that is held, if the stream has a name. Until then only the newest frame is held: nobody who
// joins wants an older one.
func (s *stream) release() {
	if s.label == "" || s.held.JPEG == nil {
		return
	}
	if s.opener != nil && s.held.ID < s.opener.oldest {
		s.held = Frame{} // it may be a recording of this session
		return
	}
	s.held.Stream = s.label
	s.shared.ready = append(s.shared.ready, s.held)
	s.tally.Frames++
	s.tally.FrameBytes += uint64(len(s.held.JPEG))
	s.held = Frame{}
}
