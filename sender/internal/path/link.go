package path

import (
	"time"

	"udpcam/protocol"
)

// A sent is a frame that was sent.
type sent struct {
	id        uint32
	left      time.Time     // when its first datagram left
	took      time.Duration // time until its last datagram had left, 0 until then
	datagrams int
	size      int     // bytes in each
	answers   int     // bytes of answers to requests that were sent after it
	pace      float64 // bytes a second at which it left, 0 for all at once
	rate      float64 // the estimate of the link's rate at that time

	reported bool
	train    protocol.Train // as it was first reported
}

// possible reports whether a receiver can have seen a train of this frame.
func (f *sent) possible(t protocol.Train, now time.Time) bool {
	lost := t.Lost()
	if t.Came == 0 {
		return lost == 0
	}
	return t.Came+lost == f.datagrams && t.Runs <= lost && (t.Runs > 0) == (lost > 0) && t.Took <= now.Sub(f.left)+clockSlack
}

// stretched reports whether a train took longer to arrive than to leave. Then there is a queue. Took and Span must agree:
// jitter makes Took longer, and uneven sending Span.
func (f *sent) stretched(t protocol.Train) bool {
	return min(t.Took, t.Span) > time.Duration(stretch*float64(f.took))+stretchMin
}

// A log remembers the frames that were sent last. The zero value is empty.
type log struct {
	frames [remembered]sent
	next   int // the place of the next one
	count  int
}

func (l *log) add(f sent) {
	l.frames[l.next] = f
	l.next, l.count = (l.next+1)%remembered, min(l.count+1, remembered)
}

// frame returns the n-th frame before the newest, which is frame 0. It returns nil if that is not known any more.
func (l *log) frame(n int) *sent {
	if n >= l.count {
		return nil
	}
	return &l.frames[(l.next-1-n+remembered)%remembered]
}

// find returns the frame with that ID, or nil.
func (l *log) find(id uint32) *sent {
	for n := 0; ; n++ {
		if f := l.frame(n); f == nil || f.id == id {
			return f
		}
	}
}

func (l *log) newest() *sent { return l.frame(0) }

// A link is the narrowest link of a path, with the queue before it. The zero value knows nothing. All times are by the
// sender's clock, and do not include the path's own delay.
type link struct {
	rates  [samples]float64 // of the last trains that showed one, in bytes a second
	count  int              // how many trains have shown one
	base   minimum          // the path's own delay, plus the difference of the clocks
	newest uint32           // the newest frame that was reported
	idle   time.Time        // when the link had sent the last reported frame

	full   time.Duration // how long a packet waits if the queue is full
	fullAt time.Time     // when the queue was last seen full
}

// rate is how many bytes a second the link carries, 0 if that is not known.
func (l *link) rate() (rate float64) {
	for _, r := range l.rates {
		rate = max(rate, r)
	}
	return rate
}

// room is how long a packet waits if the queue is full, 0 if it has not been seen full lately.
func (l *link) room(now time.Time) time.Duration {
	if now.Sub(l.fullAt) > roomLasts {
		return 0
	}
	return l.full
}

// overflows reports whether the queue was too short for a frame: its train lost its end, or a large part in long runs.
func (l *link) overflows(f *sent, t protocol.Train) bool {
	tail := t.LostSecond >= tailLoss+tailTimes*t.LostFirst
	runs := float64(t.Lost()) >= longRunShare*float64(f.datagrams) && t.Lost() >= longRun*t.Runs
	return f.stretched(t) && (tail || runs)
}

// stillFull reports whether a train lost datagrams while the queue was about as full as when it last overflowed.
func (l *link) stillFull(f *sent, t protocol.Train, now time.Time) bool {
	room := l.room(now)
	return room > 0 && t.Lost() >= tailLoss && l.peak(f, t) >= time.Duration(fullShare*float64(room))
}

// peak is the longer of the times that the first and the last datagram of a train waited in the queue.
func (l *link) peak(f *sent, t protocol.Train) time.Duration {
	waited := t.First.Sub(f.left) - l.base.least
	return max(waited, waited+t.Took-f.took)
}

// learn learns from the train of a frame. It returns the rate that the train shows, false if it shows none.
func (l *link) learn(f *sent, t protocol.Train, overflow bool, now time.Time) (rate float64, ok bool) {
	waited := l.base.above(t.First.Sub(f.left), now)
	span := t.Span
	if overflow { // lost datagrams took the link no time
		span = t.Took
		l.full, l.fullAt = l.peak(f, t), now
	}
	idle := f.left.Add(waited + span)
	if rate := l.rate(); rate > 0 {
		idle = idle.Add(seconds(float64(f.size) / rate)) // span is one datagram too short
	}
	if idle.After(now) {
		idle = now // the train has arrived, so a clock must have been set
	}
	bytes, bound := 0.0, !f.stretched(t)
	switch next := !l.idle.IsZero() && f.id == l.newest+1; {
	case t.Came >= enough && overflow:
		bytes = float64((t.Came - 1) * f.size)
	case t.Came >= enough:
		bytes = float64((f.datagrams - 1) * f.size)
	case next && waited >= waits:
		bytes, span, bound = float64(t.Came*f.size), idle.Sub(l.idle), false
	}
	if l.idle.IsZero() || protocol.Newer(f.id, l.newest) {
		l.newest, l.idle = f.id, idle
	}
	if bytes == 0 {
		return 0, false
	}
	rate = bytes / max(span.Seconds(), bytes/(2*unpaced))
	if bound && rate <= l.rate() {
		return 0, false // the train arrived as fast as it left: the link may be faster
	}
	l.rates[l.count%samples] = rate
	l.count++
	return rate, true
}

// A minimum is the least of the recent values. A value counts for one to one and a half times baseWindow. The zero value has
// seen none.
type minimum struct {
	least, next     time.Duration // next is the least of the last half window; it follows when least is too old
	leastAt, nextAt time.Time
}

// above adds a value and returns how far it is above the least.
func (m *minimum) above(d time.Duration, now time.Time) time.Duration {
	if m.nextAt.IsZero() || d <= m.next || now.Sub(m.nextAt) > baseWindow/2 {
		m.next, m.nextAt = d, now
	}
	if m.leastAt.IsZero() || d <= m.least {
		m.least, m.leastAt = d, now
	} else if now.Sub(m.leastAt) > baseWindow {
		m.least, m.leastAt = m.next, m.nextAt
	}
	return d - m.least
}
