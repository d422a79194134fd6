package protocol

import (
	"slices"
	"time"
)

// An asking makes the feedback to the sender of one stream: reports of what came, and requests for what did not.
type asking struct {
	timing
	config *AssemblerConfig
	tally  *Stats
	key    streamKey
	joined time.Time

	report   Report    // the next one, so far
	urgent   bool      // whether it should not wait for reportInterval
	reported time.Time // when the last report was due
	received int       // bytes of the stream; they bound fedBack
	fedBack  int       // bytes of feedback
	segments int       // datagrams of the last frame, data and parity
	out      [][]byte  // feedback that is to be sent

	seal func(open []byte) []byte // nil if the stream is open
}

// heard counts a datagram of size bytes.
func (a *asking) heard(size int) {
	a.received += size
	a.report.Largest = max(a.report.Largest, size)
}

// arrived records a segment of frame p that is no answer to a request.
func (a *asking) arrived(p *pendingFrame, seg *segment, now time.Time) {
	if p.arrivals.data > 0 && p.arrivals.over.IsZero() {
		a.gap = max(a.gap, min(now.Sub(p.arrivals.last), maxReorder))
	}
	came := p.arrivals.came()
	a.reorder = max(a.reorder, min(p.arrivals.note(seg, now), maxReorder))
	if p.arrivals.closed && p.arrivals.came() > came { // the segment has been reported as lost
		a.report.Late++
		a.tally.Received++
	}
}

// closeTrains closes the trains that have ended. A train ends when all of it has come. It also ends when its last datagram,
// or one of a newer frame, has come, and then as much time has passed as datagrams may be late. Silence alone ends no train,
// because the path may have paused. No timer waits for the end of a whole frame's train: the next datagram closes it.
func (a *asking) closeTrains(frames []*pendingFrame, now time.Time) {
	for _, p := range frames {
		over := !p.arrivals.over.IsZero() && !now.Before(p.arrivals.over.Add(a.lateness()))
		if over || p.arrivals.complete() {
			a.closeTrain(p, now)
		}
	}
}

// closeTrain puts the train of a frame into the next report, and counts what came of it. It does so once for each frame.
func (a *asking) closeTrain(p *pendingFrame, now time.Time) {
	if p.partial || p.arrivals.closed {
		return
	}
	p.arrivals.closed = true
	t := p.arrivals.train(p.id)
	sent := t.Came + t.Lost()
	if t.Came == 0 {
		sent = a.segments // unknown: assume as many as of the frame before
	}
	a.segments = sent
	a.tally.Expected += uint64(sent)
	a.tally.Received += uint64(t.Came)
	if len(a.report.Trains) == MaxTrains { // too little of the stream comes to allow a report
		a.report.Trains = slices.Delete(a.report.Trains, 0, 1)
	}
	a.report.Trains = append(a.report.Trains, t)
	a.urgent = a.urgent || t.Came < sent || t.Span >= slowTrain || len(a.report.Trains) == MaxTrains ||
		now.Sub(a.joined) <= earlyReports
}

// makeReport makes a report if one is due, and returns when the next one is.
func (a *asking) makeReport(now time.Time) (next time.Time) {
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

// ask requests what is missing of a frame, if that is due, and returns when to ask again, the zero time if never.
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
	size := requestSize + ceilDiv(p.layout.data, 8)
	for block := 0; block < len(p.blocks) && a.affords(size, requestShare); block++ {
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

// affords reports whether size more bytes of feedback leave it within one byte for every share bytes received.
func (a *asking) affords(size, share int) bool { return a.fedBack+size <= a.received/share }

// send queues feedback and returns true. It returns false if the share of the bytes received does not allow that.
func (a *asking) send(b []byte, share int) bool {
	size := len(b)
	if a.seal != nil {
		size += controlHeaderSize - prefixSize + TagSize
		if a.fedBack == 0 {
			share = 1 // the first report must leave: the stream is shown only when the sender has echoed it
		}
	}
	if !a.affords(size, share) {
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
