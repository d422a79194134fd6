package protocol

import (
	"slices"
	"time"
)

// An asking tells the sender of one stream what came, and asks for what did not.
type asking struct {
	timing
	config *AssemblerConfig
	tally  *Stats
	key    streamKey
	joined time.Time

	report   Report // what the next one says
	urgent   bool   // whether it tells of trouble
	reported time.Time
	received int      // bytes, of which feedback may be a share
	fedBack  int      // bytes of feedback
	segments int      // datagrams in which the last frame was first sent
	out      [][]byte // to be sent

	seal func(open []byte) []byte // nil if the stream is open
}

// heard records a datagram of size bytes.
func (a *asking) heard(size int) {
	a.received += size
	a.report.Largest = max(a.report.Largest, size)
}

// arrived takes in that a segment of frame p came as it was first sent.
func (a *asking) arrived(p *pendingFrame, seg *segment, now time.Time) {
	if p.arrivals.data > 0 && p.arrivals.over.IsZero() {
		a.gap = max(a.gap, min(now.Sub(p.arrivals.last), maxReorder))
	}
	came := p.arrivals.came()
	a.reorder = max(a.reorder, min(p.arrivals.note(seg, now), maxReorder))
	if p.arrivals.closed && p.arrivals.came() > came { // it had been reported as lost
		a.report.Late++
		a.tally.Received++
	}
}

// closeTrains closes the trains that are over. A train is over when all of it has come. It is also over some time after
// its last datagram or one of a newer frame came: as long as datagrams may be late. Silence alone ends no train, because
// the path may have paused. No timer waits for the end of a whole frame's train: the next datagram closes it.
func (a *asking) closeTrains(frames []*pendingFrame, now time.Time) {
	for _, p := range frames {
		over := !p.arrivals.over.IsZero() && !now.Before(p.arrivals.over.Add(a.lateness()))
		if over || p.arrivals.complete() {
			a.closeTrain(p, now)
		}
	}
}

// closeTrain counts what came of a frame's first sending, once, for the next report.
func (a *asking) closeTrain(p *pendingFrame, now time.Time) {
	if p.partial || p.arrivals.closed {
		return
	}
	p.arrivals.closed = true
	t := p.arrivals.train(p.id)
	sent := t.Came + t.Lost()
	if t.Came == 0 {
		sent = a.segments // nothing tells: about as many as the one before
	}
	a.segments = sent
	a.tally.Expected += uint64(sent)
	a.tally.Received += uint64(t.Came)
	if len(a.report.Trains) == MaxTrains { // so little of the stream comes that reports are held back
		a.report.Trains = slices.Delete(a.report.Trains, 0, 1)
	}
	a.report.Trains = append(a.report.Trains, t)
	a.urgent = a.urgent || t.Came < sent || t.Span >= slowTrain || len(a.report.Trains) == MaxTrains ||
		now.Sub(a.joined) <= earlyReports
}

// tell reports to the sender, if it is time, and returns when to report next.
func (a *asking) tell(now time.Time) (next time.Time) {
	due := a.reported.Add(reportInterval)
	if a.urgent {
		due = a.reported.Add(urgentInterval)
	}
	if now.Before(due) {
		return due
	}
	a.reported = now
	a.report.Age = now.Sub(a.joined)
	b := make([]byte, 0, reportSize+trainSize*len(a.report.Trains))
	if a.config.OneWay || a.send(a.report.append(b, a.key.session, a.key.stream, a.clock.echo(now)), reportShare) {
		a.report, a.urgent = Report{Trains: a.report.Trains[:0]}, false
	}
	return now.Add(reportInterval)
}

// ask asks for what is missing of a frame, if it is time, and returns when to ask again, the zero time if never.
func (a *asking) ask(p *pendingFrame, now time.Time) (next time.Time) {
	if a.config.OneWay || p.asks == maxAsks || p.partial {
		return next
	}
	switch {
	case p.asks > 0:
		next = p.asked.Add(a.patience())
	case !p.arrivals.over.IsZero():
		next = p.arrivals.over.Add(a.lateness())
	default:
		next = p.arrivals.last.Add(tailWait + a.gap + a.lateness())
	}
	if now.Before(next) {
		return next
	}
	if p.asks > 0 {
		a.unanswered++
	}
	p.asks, p.asked = p.asks+1, now
	if p.state == unseen {
		a.request(Request{FrameID: p.id})
	}
	for block := range p.blocks {
		if r, short := p.shortage(block); short {
			a.request(r)
		}
	}
	return now.Add(a.patience())
}

func (a *asking) request(r Request) {
	if a.send(r.append(make([]byte, 0, requestSize+len(r.Missing)), a.key.session, a.key.stream), requestShare) {
		a.tally.Requests++
	}
}

// send queues feedback, unless all feedback would then exceed one byte for every share bytes received.
func (a *asking) send(b []byte, share int) bool {
	size := len(b)
	if a.seal != nil {
		size += controlHeaderSize - prefixSize + TagSize
		if a.fedBack == 0 {
			share = 1 // a sealed stream is not live before it has had a report
		}
	}
	if a.fedBack+size > a.received/share {
		return false
	}
	if a.seal != nil {
		b = a.seal(b)
	}
	a.fedBack += size
	a.tally.Feedback++
	a.out = append(a.out, b)
	return true
}
