package sender

import (
	"time"

	"udpcam/protocol"
)

// A lateness tells by how much frames leave later after their capture than the fastest of the last seconds, because the
// source or this machine was slow. Receivers see that too, and cannot tell it from a queue on the path. The zero value is
// ready.
type lateness struct {
	gauge protocol.DelayGauge
	late  waits
}

// add takes in a frame that leaves now.
func (l *lateness) add(id uint32, captured, now time.Time) {
	l.late.add(id, l.gauge.Add(captured, now))
}

// least is by how much the least late frame was late of those that came between two reports. It returns false if none
// did.
func (l *lateness) least(c change) (time.Duration, bool) {
	return l.late.least(c.previousID, c.newestID)
}
