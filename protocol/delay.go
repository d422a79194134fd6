package protocol

import "time"

// baseWindow is how long the fastest frame counts as what the path takes at least.
const baseWindow = 10 * time.Second

// A delayGauge tells by how much the first datagrams of frames take longer than the fastest of the last seconds: the time
// that they wait in queues. What follows them says less, for senders spread large frames. It needs no common clock, for
// only differences matter.
type delayGauge struct {
	base, next time.Duration // the least delay, and the least of the last half window, to take over when base is too old
	baseAt     time.Time
	nextAt     time.Time
	least      time.Duration // above base, of the frames since the last reading
	any        bool
}

// add takes in a frame, when it was captured and when the first of its datagrams came, each by its own clock.
func (g *delayGauge) add(captured, now time.Time) {
	d := now.Sub(captured)
	if g.nextAt.IsZero() || d <= g.next || now.Sub(g.nextAt) > baseWindow/2 {
		g.next, g.nextAt = d, now
	}
	if g.baseAt.IsZero() || d <= g.base {
		g.base, g.baseAt = d, now
	} else if now.Sub(g.baseAt) > baseWindow {
		g.base, g.baseAt = g.next, g.nextAt
	}
	if above := d - g.base; !g.any || above < g.least {
		g.least, g.any = above, true
	}
}

// read returns the delay in queues of the fastest frame since it was last read; if there was none, what it said then.
func (g *delayGauge) read() time.Duration {
	g.any = false
	return g.least
}
