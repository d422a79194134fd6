package sender

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"udpcam/protocol"
)

const (
	// maxAnswer is the most bytes in the answer to one request. An answer leaves at once, and most queues can hold this
	// much.
	maxAnswer = 96 << 10

	// answerShare is how many bytes of answers an address may get for each byte of frames, at most. It stops somebody who
	// forges requests, or a receiver that asks too much, from multiplying what is sent to an address. As long as reports
	// come, it is answerLoss times what they say is lost, and answerLeast more, except in the first moments (unknownFor). So
	// forged requests cost little where little is lost.
	answerShare = 0.5
	unknownFor  = 2 * time.Second
	answerLoss  = 1.5
	answerLeast = 0.05

	// announceUnproven is the least time between two announcements for reports that echo none. It stops a flood of forged
	// ones from causing a flood of announcements.
	announceUnproven = 20 * time.Millisecond

	// minAllowance is the least number of bytes that an address may save up for answers: some datagrams of any size.
	minAllowance = 2 * protocol.MaxDatagram

	// receiveRetry is how long to wait after a socket failed to receive.
	receiveRetry = 100 * time.Millisecond
)

// hear handles a datagram that came to a conn from an address. Only destinations are answered.
func (s *Sender) hear(conn protocol.Conn, b []byte, from netip.AddrPort, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.destinationAt(conn, from)
	if d == nil { // where receivers subscribe, it may be one whose subscription has ended
		if s.refuse(FeedbackStranger); s.stats.RefusedFeedback[FeedbackStranger] == 1 && s.config.Port == nil {
			s.config.Log.Warn("ignored a datagram from an unknown address; further ones are not logged",
				"addr", from)
		}
		return
	}
	f, err := s.splitter.Feedback(b, now)
	switch {
	case err != nil:
		s.refuse(cmp.Or(refusals[err], FeedbackForeign))
	case f.Request != nil:
		s.stats.Requests++
		s.answer(d, *f.Request, now)
	case len(f.Report.Trains) > 0 && !slices.ContainsFunc(f.Report.Trains, s.sentTrain):
		s.refuse(FeedbackMalformed)
	case s.config.Key == (protocol.Key{}) && !d.clock.Answered(f, now):
		if s.refuse(FeedbackUnproven); !d.live(now) { // a new receiver may have heard no announcement yet
			s.announce(d, announceUnproven, now)
		}
	default:
		enough := announceSoon
		if f.Joined || !d.live(now) {
			enough = 0 // a new receiver waits for an announcement
		}
		d.learn(f, now)
		d.renew(now)
		d.logState(now)
		s.measure(d, *f.Report, now)
		s.announce(d, enough, now)
	}
}

// sentTrain reports whether a train is of a frame that was sent. A receiver may also report others, which somebody has forged.
func (s *Sender) sentTrain(t protocol.Train) bool { return protocol.Newer(s.nextID, t.FrameID) }

func (s *Sender) refuse(why FeedbackRefusal) { s.stats.RefusedFeedback[why]++ }

// destinationAt returns the destination with that conn and address, or nil. Destinations that cannot send feedback do not
// count.
func (s *Sender) destinationAt(conn protocol.Conn, from netip.AddrPort) *destination {
	for _, d := range s.destinations {
		if d.answers && d.Conn == conn && d.is(from) {
			return d
		}
	}
	return nil
}

// answer sends a destination the segments that it asks for, within the limits.
func (s *Sender) answer(d *destination, r protocol.Request, now time.Time) {
	o := s.ring.find(r.FrameID, now)
	parity, known := d.got.find(r.FrameID)
	switch {
	case o == nil || !known:
		s.refuse(FeedbackGone)
		return
	case parity == leftOut:
		s.tellSkipped(d, r.FrameID)
		return
	}
	limit := min(int(d.allowance.bytes), maxAnswer) / o.DatagramSize()
	if limit < 1 {
		s.refuse(FeedbackOverLimit)
		return
	}
	need := int(r.Need)
	if r.Whole() {
		need = o.Segments()
	}
	if need > 1 && need*o.DatagramSize() > d.path.Spare(now) {
		s.refuse(FeedbackOverload)
		return
	}
	datagrams := o.Answer(r, parity, limit)
	if len(datagrams) == 0 {
		s.refuse(FeedbackMalformed)
		return
	}
	bytes := size(datagrams)
	d.allowance.bytes -= float64(bytes)
	d.path.Answered(bytes)
	if s.transmit(d, datagrams) == nil {
		s.stats.Answered += uint64(len(datagrams))
		s.count(datagrams)
	}
}

// An allowance is how many bytes of answers an address may get now. It is a token bucket: each frame that is sent to the
// address adds a share of its bytes, and the bucket holds one frame. So forged requests make the sender send at most half as
// much again. The zero value is empty.
type allowance struct{ bytes float64 }

// earn adds the share of a frame that was sent.
func (a *allowance) earn(share float64, frame int) {
	a.bytes = min(a.bytes+share*float64(frame), float64(max(frame, minAllowance)))
}

// answerShare is how many bytes of answers a destination may get for each byte of frames.
func (d *destination) answerShare(now time.Time) float64 {
	if !d.live(now) || now.Sub(d.began) < unknownFor {
		return answerShare
	}
	return min(answerShare, answerLeast+answerLoss*d.path.Missing())
}
