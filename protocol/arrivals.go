package protocol

import "time"

// An arrivals records when the datagrams of one frame came as they were first sent: data, then parity, in order. Answers
// to requests are not recorded. It becomes a [Train] once the frame's first sending is over. The zero value is ready.
type arrivals struct {
	data   int // datagrams of data, 0 if nothing of the frame came
	parity int // datagrams of parity that follow
	seen   bitset
	top    int       // one above the last in order that came
	first  time.Time // when the first came
	last   time.Time // when one came last
	over   time.Time // when the last in order came, or one of a newer frame; zero before that
	closed bool      // whether it has become a train
	line   line      // through the places in order of sending and the times of arrival
}

// note records a datagram. If it comes after the end of the sending, late is the time since then.
func (a *arrivals) note(s *segment, now time.Time) (late time.Duration) {
	if a.data == 0 {
		a.data, a.parity, a.first = s.layout.segments(), int(s.Parity)*s.layout.blocks, now
	}
	at := a.place(s)
	for len(a.seen) <= at/64 {
		a.seen = append(a.seen, 0)
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

// place is which of the datagrams, in order of sending, a segment is.
func (a *arrivals) place(s *segment) int {
	if s.parity {
		return a.data + s.index*s.layout.blocks + int(s.Block)
	}
	return s.index
}

// has reports whether a segment has come.
func (a *arrivals) has(s *segment) bool { return a.seen.has(a.place(s)) }

// sent is how many datagrams were sent, as far as those that came tell.
func (a *arrivals) sent() int { return max(a.top, a.data+a.parity) }

// came is how many of them have come.
func (a *arrivals) came() int { return int(a.line.n) }

// complete reports whether all of them have come.
func (a *arrivals) complete() bool {
	return a.data > 0 && a.came() == a.sent()
}

// train sums up what came of the frame with that ID.
func (a *arrivals) train(id uint32) Train {
	sent := a.sent()
	t := Train{FrameID: id, First: a.first, Came: a.came(), Took: a.last.Sub(a.first)}
	t.Span = time.Duration(max(0, a.line.slope()*float64(sent-1)))
	for i, missing := 0, false; i < sent; i++ {
		was := missing
		if missing = !a.seen.has(i); !missing {
			continue
		}
		if i < sent/2 {
			t.LostFirst++
		} else {
			t.LostSecond++
		}
		if !was {
			t.Runs++
		}
	}
	return t
}

// A line is fitted to points by least squares, for which sums suffice.
type line struct{ n, x, y, xx, xy float64 }

func (l *line) add(x, y float64) {
	l.n++
	l.x += x
	l.y += y
	l.xx += x * x
	l.xy += x * y
}

// slope is the growth of y with x, 0 unless two points differ in x.
func (l *line) slope() float64 {
	d := l.n*l.xx - l.x*l.x
	if d <= 0 {
		return 0
	}
	return (l.n*l.xy - l.x*l.y) / d
}
