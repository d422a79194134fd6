package protocol

import (
	"net/netip"
	"slices"
	"time"
)

const (
	// reportInterval is how often a sender is told what came of its stream where all is well: so often that it notices
	// when its receiver has gone, and that the clocks are compared.
	reportInterval = 200 * time.Millisecond

	// urgentInterval is the least time between two reports where a train tells of trouble. It bounds what many small
	// frames cost.
	urgentInterval = 10 * time.Millisecond

	// slowTrain is how long a train takes at the least that tells of trouble although nothing of it is lost: the path may
	// carry less than is sent. A hundred kilobytes take that long at 400 Mbit/s: on faster paths, where a report for each
	// frame would cost most beside the frames, there is none.
	slowTrain = 2 * time.Millisecond

	// earlyReports is for how long after it has joined a stream a receiver reports on every train: the sender does not
	// know the path yet.
	earlyReports = time.Second

	// tailWait is how long a frame may be silent, beyond the longest gap that there has been within frames lately, before
	// its last datagrams are taken to be lost. Senders that pace leave gaps of a millisecond, and Go's timers round up to
	// the next one.
	tailWait = 2500 * time.Microsecond

	// maxReorder is the most by which datagrams are thought to be late rather than lost.
	maxReorder = 20 * time.Millisecond

	// guessedRTT is how long an answer is thought to take before the round trip has been measured.
	guessedRTT = 20 * time.Millisecond

	// maxLatency is the most that a whole frame waits for an older one unless told otherwise: less than what people
	// notice in a conversation.
	maxLatency = 150 * time.Millisecond

	// maxAsks is how often a sender is asked for the same frame.
	maxAsks = 8

	// maxUnanswered is after how many requests in a row that had to be repeated a sender is thought not to answer any more:
	// its path is overloaded, or what it receives is lost. No frame waits for it then.
	maxUnanswered = 4

	// maxAskedGap is the largest number of frames, between two others, that are asked for when nothing of them came.
	maxAskedGap = 8

	// finishedKept is how many frames that are done with a stream remembers, so that what still comes of them is counted.
	finishedKept = 2

	// requestShare and reportShare are what feedback may cost: a request is sent if all that was is one byte for so many
	// that came, and a report likewise, for which the requests leave room: where only announcements arrive, it is by
	// reports that the sender learns so. It stops a forged stream from having this receiver send more to somebody than
	// it costs to forge.
	requestShare = 8
	reportShare  = 2
)

type outgoingFeedback struct {
	to netip.AddrPort
	b  []byte
}

// NextFeedback takes the next datagram that is to be sent back to a sender. The bytes are the caller's.
func (a *Assembler) NextFeedback() (b []byte, to netip.AddrPort, ok bool) {
	if len(a.feedback) == 0 {
		return nil, to, false
	}
	f := a.feedback[0]
	a.feedback = a.feedback[1:]
	return f.b, f.to, true
}

// attend does what is due for a stream, and says when to do so again.
func (a *Assembler) attend(s *stream, now time.Time) {
	s.wake = now.Add(reportInterval)
	for _, p := range s.pending {
		if p.state != done && p.state != whole && !now.Before(p.deadline) {
			a.drop(s, p, FrameLate)
		}
	}
	a.handOnInOrder(s, now)
	a.closeTrains(s, now)
	for len(s.finished) > finishedKept {
		a.closeTrain(s, s.finished[0], now)
		a.spare = s.finished[0]
		s.finished = slices.Delete(s.finished, 0, 1)
	}
	for _, p := range s.pending {
		if p.state == collecting || p.state == unseen {
			a.attendMissing(s, p, now)
			s.wakeAt(p.deadline)
		}
	}
	a.tell(s, now)
}

// closeTrains closes the trains that are over: all of it has come, or its last datagram or one of a newer frame has, and
// nothing since for as long as datagrams are known to be late. Silence alone ends none: the path may have paused. Once a
// frame is whole nobody waits for the end of its train: that is looked at when the next datagram comes.
func (a *Assembler) closeTrains(s *stream, now time.Time) {
	for _, frames := range [2][]*pendingFrame{s.finished, s.pending} {
		for _, p := range frames {
			over := !p.arrivals.over.IsZero() && !now.Before(p.arrivals.over.Add(s.window()))
			if !p.arrivals.closed && (over || p.arrivals.complete()) {
				a.closeTrain(s, p, now)
			}
		}
	}
}

// closeTrain counts what came of a frame's first sending, once, and has it be reported.
func (a *Assembler) closeTrain(s *stream, p *pendingFrame, now time.Time) {
	if p.partial || p.arrivals.closed {
		return
	}
	p.arrivals.closed = true
	t := p.arrivals.train(p.id)
	sent := t.Came + t.Lost()
	if t.Came == 0 {
		sent = s.segments // nothing tells: about as many as the one before
	}
	s.segments = sent
	a.stats.Expected += uint64(sent)
	a.stats.Received += uint64(t.Came)
	s.stats.Expected += uint64(sent)
	s.stats.Received += uint64(t.Came)
	if len(s.report.Trains) == MaxTrains { // so little comes of the stream that reports are held back
		s.report.Trains = slices.Delete(s.report.Trains, 0, 1)
	}
	s.report.Trains = append(s.report.Trains, t)
	s.urgent = s.urgent || t.Came < sent || t.Span >= slowTrain || len(s.report.Trains) == MaxTrains || now.Sub(s.joined) <= earlyReports
}

// tell reports to the stream's sender, if it is time.
func (a *Assembler) tell(s *stream, now time.Time) {
	due := s.told.Add(reportInterval)
	if s.urgent {
		due = s.told.Add(urgentInterval)
	}
	if now.Before(due) {
		s.wakeAt(due)
		return
	}
	s.told = now
	s.wakeAt(now.Add(reportInterval))
	s.report.Age = now.Sub(s.joined)
	b := make([]byte, 0, reportSize+trainSize*len(s.report.Trains))
	if a.config.OneWay || a.send(s, s.report.append(b, s.key.session, s.key.stream, s.clock.echo(now)), reportShare) {
		s.report, s.urgent = Report{Trains: s.report.Trains[:0]}, false
	}
}

// wakeAt has the stream be attended to at t, if not earlier.
func (s *stream) wakeAt(t time.Time) {
	if t.Before(s.wake) {
		s.wake = t
	}
}

// handOnInOrder hands on the frames that are whole, up to the first that is not and is still waited for.
func (a *Assembler) handOnInOrder(s *stream, now time.Time) {
	for {
		first, waits := 0, false
		for first < len(s.pending) && s.pending[first].state != whole {
			waits = waits || s.pending[first].state != done && !s.pending[first].partial
			first++
		}
		if first == len(s.pending) {
			return
		}
		if waits {
			if until := s.pending[first].wholeAt.Add(a.latency(s)); now.Before(until) {
				s.wakeAt(until)
				return
			}
		}
		for _, p := range s.pending[:first] {
			a.drop(s, p, FrameSuperseded)
		}
		s.finish(first)
		a.handOn(s, now)
	}
}

// latency is how long a whole frame waits for an older one.
func (a *Assembler) latency(s *stream) time.Duration {
	switch {
	case s.unanswered >= maxUnanswered:
		return 0
	case a.config.Latency != 0:
		return a.config.Latency
	case a.config.OneWay:
		return s.window()
	}
	// By the shortest round trip: where it has grown because the path is overloaded, waiting makes nothing better.
	_, half, ok := s.clock.Offset()
	if !ok {
		half = guessedRTT / 2
	}
	return min(3*(2*half+s.window())+10*time.Millisecond, maxLatency)
}

func (s *stream) rtt() time.Duration {
	if rtt, ok := s.clock.RTT(); ok {
		return rtt
	}
	return guessedRTT
}

// window is how late a datagram may be before it is taken to be lost.
func (s *stream) window() time.Duration { return s.reorder + s.reorder/4 }

// patience is how long an answer may take before the sender is asked again.
func (s *stream) patience() time.Duration {
	return s.rtt() + s.rtt()/4 + s.window() + 2*time.Millisecond
}

// attendMissing asks for what is missing of a frame, if it is time.
func (a *Assembler) attendMissing(s *stream, p *pendingFrame, now time.Time) {
	if a.config.OneWay || p.asks == maxAsks || p.partial {
		return
	}
	var due time.Time
	switch {
	case p.asks > 0:
		due = p.asked.Add(s.patience())
	case !p.arrivals.over.IsZero():
		due = p.arrivals.over.Add(s.window())
	default:
		due = p.arrivals.last.Add(tailWait + s.gap + s.window())
	}
	if !now.Before(due) {
		if p.asks > 0 {
			s.unanswered++
		}
		a.ask(s, p)
		p.asks, p.asked = p.asks+1, now
		due = now.Add(s.patience())
	}
	s.wakeAt(due)
}

// ask asks for what is missing of a frame, by a datagram for each block.
func (a *Assembler) ask(s *stream, p *pendingFrame) {
	if p.state == unseen {
		a.request(s, Request{FrameID: p.id})
		return
	}
	for i, b := range p.blocks {
		if b.missing <= len(b.parity) {
			continue
		}
		r := Request{FrameID: p.id, Block: uint8(i), Need: uint8(b.missing - len(b.parity)), Data: p.header.Data}
		r.Missing = make([]byte, ceilDiv(int(r.Data), 8))
		for j := range p.layout.data {
			if at := j*p.layout.blocks + i; at < p.layout.segments() && !p.have.has(at) {
				r.Missing[j/8] |= 0x80 >> (j % 8)
			}
		}
		a.request(s, r)
	}
}

func (a *Assembler) request(s *stream, r Request) {
	if a.send(s, r.append(make([]byte, 0, requestSize+len(r.Missing)), s.key.session, s.key.stream), requestShare) {
		a.stats.Requests++
	}
}

// send sends feedback to a stream's sender, unless all of it makes more than one byte for so many that came.
func (a *Assembler) send(s *stream, b []byte, share int) bool {
	if s.fedBack+len(b) > s.received/share {
		return false
	}
	s.fedBack += len(b)
	a.stats.Feedback++
	a.feedback = append(a.feedback, outgoingFeedback{s.from, b})
	return true
}
