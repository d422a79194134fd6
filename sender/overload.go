package sender

import "time"

const (
	// queueingHigh is from which delay in queues on a path is looked at more closely, and queueingGrowth by how much
	// it must have grown since for the path to be overloaded. A network that became slower for another reason does so
	// once.
	queueingHigh   = 25 * time.Millisecond
	queueingGrowth = 10 * time.Millisecond

	// queueingLasts is how long it must have been high without a break: a machine that is busy with something else for a
	// moment looks like a queue too.
	queueingLasts = 200 * time.Millisecond

	// missingFrames is how many frames must not become whole meanwhile for the same, if the queue is full and cannot
	// grow.
	missingFrames = 2

	// queueingExcess is how much longer than foreseen frames may wait before the path is taken to carry less than was
	// thought, and queueingShort how much shorter before it is taken to carry more.
	queueingExcess = 15 * time.Millisecond
	queueingShort  = 10 * time.Millisecond

	// headroom is which share of what came is sent from then on, and steepest to which share the rate is lowered at
	// once at the most.
	headroom = 0.97
	steepest = 0.7

	// recentFlow and steadyFlow are over how long what comes is measured. The larger counts: a path that stalled for a
	// moment is not a slow one.
	recentFlow = 100 * time.Millisecond
	steadyFlow = 300 * time.Millisecond

	// probing is by how much the rate is raised each second, and probingDoubles after how many seconds without
	// trouble by twice as much, at most maxProbing.
	probing        = 0.03
	probingDoubles = 2 * time.Second
	maxProbing     = 0.5

	// settled is after how long without having to skip a frame a path is taken to carry everything.
	settled = 3 * time.Second

	// recovery is for how long after the last sign of overload parity is not to be added.
	recovery = time.Second

	// smallAnswer is which part of its frame a small answer has at the most.
	smallAnswer = 8

	// maxSpread is the longest time that is taken for the interval of frames here.
	maxSpread = 100 * time.Millisecond
)

// An overload notices when a path carries less than is sent, and tells which frames to skip so that what remains
// arrives.
//
// It thinks of the path as a queue that is drained at a constant rate. A frame may be sent if what waits there will
// be gone by the next one: so the path is never idle, frames are skipped evenly, and none waits much longer than the
// time between two frames. The rate is what the receiver gets while the queue grows; it is raised gently as long as
// the queue is as short as it should be. It is pure: now is an argument.
type overload struct {
	rate    float64   // bytes a second, 0 while the path carries all
	backlog float64   // bytes that wait on the path
	at      time.Time // when backlog was brought up to date
	frame   int       // bytes of the last frame

	flow    flow
	high    sighting // of a long queue, while there is no limit
	waits   waits    // that frames sent lately were foreseen to have
	spread  spreading
	trial   trial
	trouble time.Time // the last sign of overload
	skipped time.Time // when a frame was skipped last
}

// A sighting is a delay in queues that is high, since when, and what it was then; and how many frames did not become
// whole since.
type sighting struct {
	since    time.Time
	queueing time.Duration
	missing  int
}

// admit reports whether a frame may be sent now, when frames come at such intervals.
func (o *overload) admit(interval time.Duration, now time.Time) bool {
	if o.rate == 0 {
		return true
	}
	o.advance(now)
	if o.backlog <= o.rate*min(interval, maxSpread).Seconds() {
		if now.Sub(o.skipped) > settled && now.Sub(o.trouble) > settled {
			o.release(now)
		}
		return true
	}
	o.skipped = now
	return false
}

// release has the path carry everything again.
func (o *overload) release(now time.Time) {
	o.rate, o.backlog = 0, 0
	if o.trial.cured {
		o.trial.cured = false
		o.spread.helps(now)
	}
}

// begin takes in that a frame of so many bytes begins to be sent.
func (o *overload) begin(id uint32, bytes int, now time.Time) {
	o.frame = bytes
	if o.rate > 0 {
		o.advance(now)
		o.waits.add(id, time.Duration(o.backlog/o.rate*float64(time.Second)))
		o.backlog += float64(bytes)
	}
}

// answered takes in that so many bytes were sent in answer to a request.
func (o *overload) answered(bytes int) {
	if o.rate > 0 {
		o.backlog += float64(bytes)
	}
}

// advance lets time pass: the queue drains, and the rate is raised.
func (o *overload) advance(now time.Time) {
	if passed := now.Sub(o.at).Seconds(); passed > 0 {
		o.backlog = max(0, o.backlog-o.rate*passed)
		growth := probing
		for quiet := now.Sub(o.trouble); quiet > probingDoubles && growth < maxProbing; quiet -= probingDoubles {
			growth *= 2
		}
		if !o.trial.lossy() {
			o.rate *= 1 + growth*passed
		}
		o.at = now
	}
}

// report takes in what happened since the last report.
func (o *overload) report(c change, now time.Time) {
	o.flow.add(c)
	if o.rate == 0 {
		o.watch(c, now)
	} else {
		o.correct(c, now)
	}
	if o.rate == 0 {
		o.spread.report(&o.trial.recent, o.frame, now)
		if o.spread.trying() {
			o.trial.barred = o.spread.ends // one thing at a time
		}
	}
	switch o.trial.report(c, o.rate > 0 && now.Sub(o.trouble) >= recovery, now) {
	case trialBegins:
		o.trial.saved = o.rate
		o.limit(now)
	case trialFails:
		o.rate, o.trouble = o.trial.saved, now.Add(-recovery)
	}
}

// watch looks for the first sign of overload.
func (o *overload) watch(c change, now time.Time) {
	if c.queueing < queueingHigh {
		o.high = sighting{}
		return
	}
	if o.high.since.IsZero() {
		o.high = sighting{since: now, queueing: c.queueing}
		return
	}
	o.high.queueing = min(o.high.queueing, c.queueing)
	o.high.missing += int(c.newestID-c.previousID) - int(c.delivered)
	if now.Sub(o.high.since) < queueingLasts {
		return
	}
	if c.queueing-o.high.queueing >= queueingGrowth || o.high.missing >= missingFrames {
		o.trial.stop()
		o.limit(now)
		o.backlog = o.rate * c.queueing.Seconds()
		o.high = sighting{}
	}
}

// correct compares the queue with what was foreseen.
func (o *overload) correct(c change, now time.Time) {
	o.advance(now)
	foreseen, ok := o.waits.least(c.previousID, c.newestID)
	if !ok {
		return
	}
	switch e := c.queueing - foreseen; {
	case e > queueingExcess:
		o.trial.stop()
		o.limit(now)
		o.backlog += o.rate * e.Seconds()
		o.waits.shift(e)
	case e < -queueingShort:
		o.backlog = max(0, o.backlog+o.rate*e.Seconds())
		o.waits.shift(e)
	}
}

// limit lowers the rate to a little less than what comes now, but not below one frame a second, by which to notice
// that the path has recovered.
func (o *overload) limit(now time.Time) {
	o.trouble = now
	rate := headroom * o.flow.rate()
	if o.rate == 0 {
		o.at, o.skipped = now, now
	} else {
		rate = min(max(rate, steepest*o.rate), headroom*o.rate)
	}
	o.rate = max(rate, float64(o.frame))
}

// troubled reports whether the path is overloaded now, or may be, so that parity would only make it worse.
func (o *overload) troubled(now time.Time) bool {
	return o.spread.trying() || o.rate > 0 && (now.Sub(o.trouble) < recovery || o.trial.lossy())
}

// gentle reports whether the path carries all, but not in bursts.
func (o *overload) gentle(now time.Time) bool { return o.spread.on(now) }

// spares reports whether the path carries an answer of so many datagrams to a frame of so many: if it does not carry
// all, or may not, only a small one is worth what it displaces.
func (o *overload) spares(datagrams, segments int) bool {
	return datagrams <= 1+segments/smallAnswer || o.rate == 0 && o.high.since.IsZero()
}
