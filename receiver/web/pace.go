package web

import "time"

// The bounds of a rate that a viewer asks for, in pictures a second.
const minRate, maxRate = 0.01, 1000

// A pace keeps a viewer's pictures to a rate. Without one, its zero value, all pictures may leave.
type pace struct {
	rate float64 // pictures a second at most; 0 is all
	due  time.Time
}

// interval is the time between two pictures at the rate, 0 without one.
func (p *pace) interval() time.Duration {
	if p.rate == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / p.rate)
}

// wait returns how long a picture has to wait, 0 if it may leave now. The picture nearest to the time when one is due may
// leave, so that the mean rate is right also where the source's rate is no multiple of it. A picture that is too early
// leaves only if no other follows.
func (p *pace) wait(picture *part, now time.Time) time.Duration {
	if p.due.IsZero() || !picture.came.Before(p.due.Add(-picture.interval/2)) {
		return 0
	}
	return max(0, p.due.Add(p.interval()).Sub(now))
}

// sent notes that a picture has left.
func (p *pace) sent(picture *part) {
	if p.rate == 0 {
		return
	}
	if p.due = p.due.Add(p.interval()); p.due.Before(picture.came) { // the first, or the source is slower
		p.due = picture.came.Add(p.interval())
	}
}
