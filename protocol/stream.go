package protocol

import (
	"net/netip"
	"time"

	"udpcam/protocol/mjpeg"
)

// A stream makes frames from one sender's datagrams. It has three parts. For each segment, ordering finds the frame, and the
// frame places the segment (placing.go). Then ordering hands on whole frames, and asking asks for what is missing. All parts
// count in the same tally.
type stream struct {
	key     streamKey
	from    netip.AddrPort // where its last datagram came from
	network netip.Prefix   // where its first datagram came from: see Household
	joined  time.Time      // when its first datagram came
	seen    time.Time      // when its last datagram came

	delivered int       // frames that were whole and intact
	fed       time.Time // when the last of these was
	shown     bool      // whether it has a place among the streams that are shown
	twin      bool      // whether another stream had the same session and number
	spoiled   time.Time // when a guest last spoiled a frame, zero if never

	announced Announcement
	described bool      // whether an announcement has come
	renames   int       // announcements in a row with another name
	label     string    // the name under which its frames are handed on, "" as long as it has none
	owned     string    // the last name that it had
	lost      time.Time // when another stream took that name

	shared   *shared
	opener   *opener // nil if the stream is open
	tally    Stats
	ordering ordering
	asking   asking
	largest  int       // the most bytes that have arrived of one frame
	held     Frame     // the newest whole frame, as long as the stream has no name; its bytes count as memory
	wake     time.Time // when to call attend at the latest
}

// A shared has the parts that all streams of an assembler share.
type shared struct {
	config   AssemblerConfig
	keyring  keyring
	memory   frameMemory // of the streams that are shown
	trial    frameMemory // of newcomers
	ready    []Frame
	feedback []outgoingFeedback
}

type outgoingFeedback struct {
	to netip.AddrPort
	b  []byte
}

func newStream(key streamKey, from netip.AddrPort, sh *shared, now time.Time) *stream {
	s := &stream{key: key, from: from, network: Household(from.Addr()), joined: now, seen: now, shared: sh}
	s.ordering = ordering{config: &sh.config, memory: &sh.trial, tally: &s.tally, open: key.from.IsValid()}
	s.asking = asking{config: &sh.config, tally: &s.tally, key: key, joined: now, reported: now}
	return s
}

// charge moves the stream's memory to another account.
func (s *stream) charge(m *frameMemory) {
	bytes := len(s.held.JPEG)
	for _, p := range s.ordering.pending {
		bytes += p.size()
	}
	s.ordering.memory.used -= bytes
	s.ordering.memory = m
	m.used += bytes
}

// believed reports whether the stream may be shown. A sealed one must first prove that it is not a recording.
func (s *stream) believed() bool { return s.opener == nil || s.opener.live }

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
	if !p.vote(seg, s.ordering.memory) {
		s.tally.LeftOut[DatagramInconsistent]++
		return nil
	}
	if !seg.repair {
		s.asking.arrived(p, seg, now)
	}
	if why, placed := p.place(seg, 2*s.largest, s.ordering.memory); !placed {
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
		s.delivered, s.fed = s.delivered+1, now
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
		s.ordering.memory.spare = p
	}
	for _, p := range o.pending {
		if p.waits() {
			s.wakeAt(a.ask(p, now))
			s.wakeAt(p.deadline)
		}
	}
	s.wakeAt(a.makeReport(now))
	if named := s.joined.Add(nameWait); s.label == "" && named.After(now) {
		s.wakeAt(named)
	}
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
	f := Frame{ID: p.id, Captured: timeNear(p.header.Captured, now), JPEG: p.bytes[:p.layout.length]}
	if s.opener != nil {
		f.Sealed, f.Key = true, s.opener.key.id
	}
	p.free(s.ordering.memory)
	s.hold(f)
	s.asking.fade()
	s.release()
}

// hold holds a frame instead of the one that is held now.
func (s *stream) hold(f Frame) {
	m := s.ordering.memory
	m.pool.Put(s.held.JPEG)
	m.used += len(f.JPEG) - len(s.held.JPEG)
	s.held = f
}

// release hands on the frame that is held, if the stream has a name. Until then only the newest frame is held: nobody who
// joins wants an older one.
func (s *stream) release() {
	if s.label == "" || s.held.JPEG == nil {
		return
	}
	if s.opener != nil && s.held.ID < s.opener.oldest {
		s.hold(Frame{}) // it may be a recording of this session
		return
	}
	f := s.held
	s.ordering.memory.used -= len(f.JPEG)
	s.held, f.Stream = Frame{}, s.label
	s.shared.ready = append(s.shared.ready, f)
	s.tally.Frames++
	s.tally.FrameBytes += uint64(len(f.JPEG))
}
