package protocol

import (
	"math/bits"
	"time"
)

// An arrivals records when the datagrams of one frame came, and becomes a [Train] at the end. The places of the datagrams
// are numbered from 0 in the order of sending: first all data, then all parity. Answers to requests are not recorded. The
// zero value is ready.
type arrivals struct {
	data   int       // how many datagrams of data the frame has, 0 if nothing came
	parity int       // how many datagrams of parity follow the data
	seen   bitset    // the places whose datagrams have come
	top    int       // one above the highest of these places
	first  time.Time // when the first datagram came
	last   time.Time // when the latest one came
	over   time.Time // when the last place or a newer frame has shown that sending has ended; zero before that
	closed bool      // whether it has become a train
	line   line      // through the points (place, time of arrival)
}

// note records a datagram. If sending had ended before it came, late is the time since then.
func (a *arrivals) note(s *segment, now time.Time) (late time.Duration) {
	if a.data == 0 {
		a.data, a.parity, a.first = s.layout.segments(), int(s.Parity)*s.layout.blocks, now
	}
	at := a.place(s)
	if more := at/64 + 1 - len(a.seen); more > 0 {
		a.seen = append(a.seen, make(bitset, more)...)
	}
	if a.seen.has(at) {
		return 0
	}
	a.seen.set(at)
	a.line.add(float64(at), float64(now.Sub(a.first)))
	a.last, a.top = now, max(a.top, at+1)
	if !a.over.IsZero() {
		return now.Sub(a.over)
	}
	if a.top >= a.data+a.parity {
		a.over = now
	}
	return 0
}

// place is the place of a segment in the order of sending.
func (a *arrivals) place(s *segment) int {
	if s.parity {
		return a.data + s.index*s.layout.blocks + int(s.Block)
	}
	return s.index
}

// sent is how many datagrams were sent, as far as this end can tell.
func (a *arrivals) sent() int { return max(a.top, a.data+a.parity) }

func (a *arrivals) came() int { return int(a.line.n) }

func (a *arrivals) complete() bool { return a.data > 0 && a.came() == a.sent() }

// train sums up the arrivals of the frame with that ID.
func (a *arrivals) train(id uint32) Train {
	sent := a.sent()
	t := Train{FrameID: id, First: a.first, Came: a.came(), Took: a.last.Sub(a.first)}
	t.Span = time.Duration(max(0, a.line.slope()*float64(sent-1)))
	carry := uint64(0) // whether the place before this word was missing
	for word := range ceilDiv(sent, 64) {
		missing := below(sent - 64*word)
		if word < len(a.seen) {
			missing &^= a.seen[word]
		}
		first := bits.OnesCount64(missing & below(sent/2-64*word))
		t.LostFirst += first
		t.LostSecond += bits.OnesCount64(missing) - first
		t.Runs += bits.OnesCount64(missing &^ (missing<<1 | carry))
		carry = missing >> 63
	}
	return t
}

// below has the lowest n bits set: none if n is less than 0, at most 64.
func below(n int) uint64 {
	if n >= 64 {
		return 1<<64 - 1
	}
	return 1<<max(n, 0) - 1
}

// A line is fitted to points by least squares. It keeps only their number and sums.
type line struct{ n, x, y, xx, xy float64 }

func (l *line) add(x, y float64) {
	l.n++
	l.x += x
	l.y += y
	l.xx += x * x
	l.xy += x * y
}

// slope is by how much y grows for each 1 of x. It is 0 if there are not two points with different x.
func (l *line) slope() float64 {
	d := l.n*l.xx - l.x*l.x
	if d <= 0 {
		return 0
	}
	return (l.n*l.xy - l.x*l.y) / d
}
