package sender

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"udpcam/protocol"
)

const (
	// maxAnswer is the most bytes that answer one request. An answer leaves at once, and most queues can hold this much.
	maxAnswer = 96 << 10

	// answerShare is what may be answered to an address, per byte that was sent to it as media. It stops an address
	// that is forged, or a receiver that asks too much, from getting many times what it gets anyway.
	answerShare = 0.5

	// minAllowance is the least that may be saved up for answers, in bytes: some datagrams of any size.
	minAllowance = 2 * protocol.MaxDatagram

	// receiveRetry is how long to wait after a socket failed to receive.
	receiveRetry = 100 * time.Millisecond
)

// listen takes in what comes to a conn until it is closed.
func (s *Sender) listen(conn protocol.Conn) {
	defer s.listeners.Done()
	for {
		trains, err := conn.Receive()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // such as a port that nobody listens on, as some systems tell; it may pass
			select {
			case <-s.closed:
				return
			case <-time.After(receiveRetry):
			}
		}
		for _, t := range trains {
			for b := range t.All() {
				s.hear(b, t.From, t.At)
			}
		}
	}
}

// hear takes in a datagram that came from an address. Nobody but a destination is ever answered.
func (s *Sender) hear(b []byte, from netip.AddrPort, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.destinationAt(from)
	if d == nil {
		if s.refuse(FeedbackStranger); s.stats.RefusedFeedback[FeedbackStranger] == 1 {
			s.config.Log.Warn("something came from an address that is not sent to, and is ignored, as all that may follow", "addr", from)
		}
		return
	}
	f, err := s.splitter.Feedback(b, now)
	switch {
	case err != nil:
		s.refuse(refusalOf(err))
	case f.Request != nil:
		s.stats.Requests++
		s.answer(d, *f.Request, now)
	case slices.ContainsFunc(f.Report.Trains, func(t protocol.Train) bool { return !protocol.Newer(s.nextID, t.FrameID) }):
		s.refuse(FeedbackMalformed) // it tells of a frame that was never sent
	default:
		enough := announceSoon
		if f.Joined || !d.live(now) {
			enough = 0 // who has just come waits for it
		}
		d.report(f, now)
		d.tell(now)
		if d.hole.report(*f.Report, now) && s.config.automatic() {
			s.escape(d)
		}
		s.announce(enough, now)
	}
}

func (s *Sender) refuse(why FeedbackRefusal) { s.stats.RefusedFeedback[why]++ }

// destinationAt returns the destination with that address, if it is one that may answer, or nil.
func (s *Sender) destinationAt(from netip.AddrPort) *destination {
	for _, d := range s.destinations {
		if d.answers && d.is(from) {
			return d
		}
	}
	return nil
}

// answer sends a destination what it asks for, as far as it may have it.
func (s *Sender) answer(d *destination, r protocol.Request, now time.Time) {
	o := s.ring.find(r.FrameID, now)
	if o == nil {
		s.refuse(FeedbackGone)
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
	datagrams := o.Answer(r, limit)
	if len(datagrams) == 0 {
		s.refuse(FeedbackMalformed)
		return
	}
	d.allowance.spend(size(datagrams))
	d.path.Answered(size(datagrams))
	if s.transmit(d, datagrams) == nil {
		s.stats.Answered += uint64(len(datagrams))
		s.count(datagrams)
	}
}

// An allowance is how many bytes of answers an address may be sent now: a token bucket that is filled by what it is
// sent as media, up to one frame. So an address never gets more than half as much again, whoever asks in its name.
// The zero value is empty.
type allowance struct{ bytes float64 }

// earn adds the share of a sent frame.
func (a *allowance) earn(frame int) {
	a.bytes = min(a.bytes+answerShare*float64(frame), float64(max(frame, minAllowance)))
}

// spend takes bytes out.
func (a *allowance) spend(bytes int) { a.bytes -= float64(bytes) }
