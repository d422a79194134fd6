package hub

import (
	"math"
	"time"

	"udpcam/protocol"
)

// An Offer is one stream at its publisher. It decides which frame leaves when, and to whom. The zero value offers a stream
// that has no frame yet. It is for one goroutine.
type Offer struct {
	newest   Picture
	size     int64         // bytes in newest
	offset   time.Duration // by which the camera's clock is ahead
	timed    bool          // whether offset is known
	interval time.Duration // between frames, smoothed; 0 if not known
	came     time.Time     // when newest came
	odd      bool          // the last gap was much longer than interval
	edges    map[string]*edge
	order    []string // of edges: who is next

	Sent, Skipped, Lost uint64 // frames: copies that left; that an edge had no room for; that did not arrive
}

// An edge is who wants the stream.
type edge struct {
	clock    protocol.RemoteClock
	heard    time.Time     // when its last want came
	have     Picture       // what it got last
	sent     Picture       // what was sent to it last
	max      int64         // the largest message that its server takes, 0 if not known
	flights  []flight      // frames on their way, the oldest first
	rtt      time.Duration // of the last frames: a longer one counts at once, a shorter one little by little
	empty    time.Duration // of the smallest message on an empty path
	patience int           // doubles with each loss until something arrives
	measure  bool          // the round trip is to be measured once nothing is on its way
	measured time.Time     // when that message left, to the microsecond
	probing  bool          // its echo has not come yet
	limited  bool          // it has missed a frame since then
	warned   bool          // it knows that the newest frame is too big
}

type flight struct {
	picture Picture
	left    time.Time
}

// Put makes a frame the newest. Its Captured is by the camera's clock, which is ahead of this one by offset, if that is known.
func (o *Offer) Put(p Picture, size int, offset time.Duration, timed bool, now time.Time) {
	if !o.came.IsZero() {
		o.learn(now.Sub(o.came))
	}
	for _, e := range o.edges {
		if o.newest.Session != 0 && e.sent != o.newest && now.Sub(e.heard) < edgeExpiry && o.newest.newerThan(e.have) {
			e.limited = true
			o.Skipped++
		}
		e.warned = false
	}
	p.Captured = p.Captured.Truncate(time.Microsecond)
	o.newest, o.size, o.offset, o.timed, o.came = p, int64(size), offset, timed, now
}

// learn smooths the time between frames. A gap changes little, and two in a row are the new rate.
func (o *Offer) learn(gap time.Duration) {
	switch {
	case o.interval > 0 && gap <= 4*o.interval:
		o.interval += (gap - o.interval) / 16
		o.odd = false
	case o.odd || o.interval == 0 && gap < silence:
		o.interval, o.odd = gap, false
	default:
		o.odd = true
	}
}

// live reports whether the newest frame may be shown as the present. Otherwise the camera has stopped.
func (o *Offer) live(now time.Time) bool {
	return o.newest.Session != 0 && now.Sub(o.came) <= max(silence, 3*o.interval)
}

// Want takes in what an edge asks with. The edge is known by the inbox that answers go to.
func (o *Offer) Want(inbox string, body []byte, now time.Time) error {
	w, err := parseWant(body)
	if err != nil {
		return err
	}
	o.expire(now)
	e := o.edges[inbox]
	if e == nil {
		if len(o.edges) >= maxEdges {
			return errTooMany
		}
		if o.edges == nil {
			o.edges = map[string]*edge{}
		}
		e = &edge{measure: true, patience: 1}
		o.edges[inbox] = e
		o.order = append(o.order, inbox)
	}
	e.heard, e.max = now, w.max
	left, rtt, ok := e.clock.HearEcho(w.echo, now)
	if ok && e.probing && left.Equal(e.measured) {
		e.empty, e.probing, e.limited = rtt, false, false
	} else if ok && (e.empty == 0 || rtt < e.empty) {
		e.empty = rtt
	}
	if w.have != e.have {
		e.have = w.have
		o.arrived(e, rtt, ok)
	} else if len(e.flights) > 0 {
		// The edge lives, and has nothing of what was sent to it for a long time. Without its want that would tell nothing:
		// then the path may be stuck, and more frames would only wait there.
		if now.Sub(e.flights[0].left) > time.Duration(e.patience)*(3*e.rtt+grace) {
			o.Lost += uint64(len(e.flights))
			e.flights, e.sent = nil, Picture{}
			e.patience = min(2*e.patience, 16)
		}
	}
	return nil
}

// arrived forgets the flights up to the frame that e has now.
func (o *Offer) arrived(e *edge, rtt time.Duration, timed bool) {
	e.patience = 1
	if timed {
		e.rtt = max(rtt, e.rtt+(rtt-e.rtt)/8)
	}
	for i, f := range e.flights {
		if f.picture.Session == e.have.Session && f.picture.ID == e.have.ID {
			o.Lost += uint64(i)
			e.flights = e.flights[i+1:]
			return
		}
	}
}

// window is how many frames may be on their way to e: as many as fit the round trip of an empty path, and one more. So the
// path is never idle, and at most one frame waits. A queue makes the round trip longer, but not that of an empty path, and so
// does not feed itself.
//
// If the link takes longer for a frame than there is between frames, and most of that is the link's own time, then one frame
// at a time uses nearly all of it, and none has to wait.
func (o *Offer) window(e *edge) int {
	switch {
	case o.interval <= 0:
		return 2
	case e.limited && e.rtt > o.interval && e.rtt > 10*e.empty:
		return 1
	}
	frames := math.Ceil(float64(max(e.empty, 1)) / float64(o.interval))
	return int(min(frames+1, maxWindow))
}

// A Delivery is a message that is to leave at once. Without a Frame it only has the header.
type Delivery struct {
	Inbox  string
	Header string // see [HeaderName]
	Frame  bool   // the newest frame goes with it
}

// Next returns what is to leave now. Call it again until it returns false.
func (o *Offer) Next(now time.Time) (Delivery, bool) {
	o.expire(now)
	for i, inbox := range o.order {
		h, frame, ok := o.nextOf(o.edges[inbox], now)
		if !ok {
			continue
		}
		o.order = append(append(o.order[:i:i], o.order[i+1:]...), inbox) // the others are first next time
		return Delivery{inbox, h.text(), frame}, true
	}
	return Delivery{}, false
}

func (o *Offer) nextOf(e *edge, now time.Time) (h header, frame, ok bool) {
	if e.limited && now.Sub(e.measured) > measureEvery {
		e.measure = true
	}
	h.age = -1
	wanted := o.live(now) && e.sent != o.newest && o.newest.newerThan(e.have)
	switch {
	case e.measure && len(e.flights) == 0:
		e.measure, e.limited, e.probing, e.measured = false, false, true, now.Truncate(time.Microsecond)
	case e.measure, !wanted, len(e.flights) >= o.window(e):
		return h, false, false
	case e.max > 0 && o.size > e.max-messageOverhead:
		if e.warned {
			return h, false, false
		}
		e.warned, h.tooBig = true, o.size
	default:
		o.Sent++
		e.sent, frame = o.newest, true
		e.flights = append(e.flights, flight{o.newest, now})
		h.picture = o.newest
		if o.timed {
			h.age = max(0, now.Sub(o.newest.Captured.Add(-o.offset)))
		}
	}
	h.echo = e.clock.AppendEcho(nil, now)
	return h, frame, true
}

// Lose forgets what is on its way: the connection to the hub was lost. The edges stay, and get the newest frame at once.
func (o *Offer) Lose() {
	for _, e := range o.edges {
		o.Lost += uint64(len(e.flights))
		e.flights, e.sent, e.measure = nil, Picture{}, true
	}
}

func (o *Offer) expire(now time.Time) {
	kept := o.order[:0]
	for _, inbox := range o.order {
		if now.Sub(o.edges[inbox].heard) < edgeExpiry {
			kept = append(kept, inbox)
		} else {
			delete(o.edges, inbox)
		}
	}
	o.order = kept
}

// Edges returns how many edges watch the stream, and how many frames are on their way to them.
func (o *Offer) Edges(now time.Time) (edges, flying int) {
	o.expire(now)
	for _, e := range o.edges {
		flying += len(e.flights)
	}
	return len(o.edges), flying
}

// FPS is the rate of frames, 0 if it is not known or if frames have stopped. Came is when the newest frame came.
func (o *Offer) FPS(now time.Time) float64 {
	if o.interval <= 0 || !o.live(now) {
		return 0
	}
	return float64(time.Second) / float64(o.interval)
}

// Came is when the newest frame came, and the zero time before the first.
func (o *Offer) Came() time.Time { return o.came }
