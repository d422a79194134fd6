package sender

import (
	"math"
	"time"

	"udpcam/protocol"
)

// A change is what happened between two reports of one receiver.
type change struct {
	took                 time.Duration // from one report's arrival to the other's
	expected, lost       uint32        // segments of first sendings
	bursts               uint32        // runs of lost segments
	delivered, dropped   uint32        // frames
	bytes                uint32        // that came
	queueing             time.Duration
	previousID, newestID uint32 // of the newest frame of which anything had come, then and now
}

// A reports turns a receiver's running counts into changes. The zero value has heard nothing.
type reports struct {
	last protocol.Report
	at   time.Time // when it came, zero if none has
}

// maxChange is the most by which a count grows between two reports. A larger step is a receiver that starts anew, or
// one that lies.
const maxChange = 1 << 20

// add takes in a report. It returns false if there is nothing to compare it with: it is the first, or its receiver has
// started anew, or it is older than the last one.
func (r *reports) add(n protocol.Report, now time.Time) (change, bool) {
	o, first := r.last, r.at.IsZero()
	if !first && protocol.Newer(o.Newest, n.Newest) {
		return change{}, false // it was overtaken
	}
	c := change{
		took:       now.Sub(r.at),
		expected:   n.Expected - o.Expected,
		lost:       n.Lost() - o.Lost(),
		bursts:     n.Bursts - o.Bursts,
		delivered:  n.Delivered - o.Delivered,
		dropped:    n.Dropped - o.Dropped,
		bytes:      n.Bytes - o.Bytes,
		queueing:   n.Queueing,
		previousID: o.Newest,
		newestID:   n.Newest,
	}
	r.last, r.at = n, now
	largest := max(c.newestID-c.previousID, c.expected, c.delivered, c.dropped, c.bytes/protocol.MinSegmentSize)
	lied := largest > maxChange || c.lost > c.expected || c.bursts > c.lost
	return c, !first && !lied
}

// A window sums up changes, of which the past counts less and less: by e after the time constant.
type window struct {
	over time.Duration // the time constant
	at   time.Time

	expected, lost, bursts, frames, delivered float64
}

func (w *window) add(c change, now time.Time) {
	w.fade(now)
	w.expected += float64(c.expected)
	w.lost += float64(c.lost)
	w.bursts += float64(c.bursts)
	w.frames += float64(c.newestID - c.previousID)
	w.delivered += float64(c.delivered)
}

func (w *window) fade(now time.Time) {
	if !w.at.IsZero() {
		f := math.Exp(-now.Sub(w.at).Seconds() / w.over.Seconds())
		w.expected *= f
		w.lost *= f
		w.bursts *= f
		w.frames *= f
		w.delivered *= f
	}
	w.at = now
}

// loss is the share of segments lost.
func (w *window) loss() float64 { return ratio(w.lost, w.expected) }

// burst is how many segments a loss takes on average, at least 1.
func (w *window) burst() float64 { return max(1, ratio(w.lost, w.bursts)) }

// failure is the share of frames that did not become whole, or have not yet.
func (w *window) failure() float64 { return ratio(max(0, w.frames-w.delivered), w.frames) }

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}
