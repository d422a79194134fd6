package protocol

import "time"

// baseWindow is how long the fastest frame counts as what the path takes at least.
const baseWindow = 10 * time.Second

// A DelayGauge tells by how much frames take longer from their capture to where it stands than the fastest of the last
// seconds: the time that they wait in queues. At a receiver the first datagram of a frame counts, for senders spread large
// frames. It needs no common clock, for only differences matter. The zero value is ready.
type DelayGauge struct {
	base, next time.Duration // the least delay, and the least of the last half window, to take over when base is too old
	baseAt     time.Time
	nextAt     time.Time
	least      time.Duration // above base, of the frames since the last reading
	any        bool
}

// Add takes in a frame that was captured at one time and is here at another, each by its own clock. It returns by how much
// longer than the fastest it took.
func (g *DelayGauge) Add(captured, now time.Time) (above time.Duration) {
	d := now.Sub(captured)
	if g.nextAt.IsZero() || d <= g.next || now.Sub(g.nextAt) > baseWindow/2 {
		g.next, g.nextAt = d, now
	}
	if g.baseAt.IsZero() || d <= g.base {
		g.base, g.baseAt = d, now
	} else if now.Sub(g.baseAt) > baseWindow {
		g.base, g.baseAt = g.next, g.nextAt
	}
	if above = d - g.base; !g.any || above < g.least {
		g.least, g.any = above, true
	}
	return above
}

// read returns the delay in queues of the fastest frame since it was last read; if there was none, what it said then.
func (g *DelayGauge) read() time.Duration {
	g.any = false
	return g.least
}
