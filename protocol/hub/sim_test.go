package hub

import (
	"container/heap"
	"slices"
	"testing"
	"time"
)

// A sim is publishers and an edge over a path, in simulated time.
type sim struct {
	t      *testing.T
	now    time.Time
	events events
	n      int

	delay time.Duration // one way
	rate  float64       // bytes a second from the publishers to the edge, 0 for any
	free  time.Time     // when the link is free
	stuck time.Time     // nothing arrives before then

	offers map[string]*Offer
	dead   map[string]bool // publishers that hear and send nothing
	pull   Pull
	absent bool                     // and the edge is told
	lose   func(now time.Time) bool // a frame is lost

	size        int
	on, mostOn  int             // frames on their way, and the most of them
	ages        []time.Duration // of frames when they were shown
	at          []time.Time
	shown       []Picture
	skew        time.Duration // by which the edge's clock is ahead
	wrongByMost time.Duration // of captured times
	made        int
}

type event struct {
	at time.Time
	n  int
	do func()
}
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].n < e[j].n
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any     { x := (*e)[len(*e)-1]; *e = (*e)[:len(*e)-1]; return x }

func newSim(t *testing.T, publishers ...string) *sim {
	s := &sim{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), offers: map[string]*Offer{}, dead: map[string]bool{},
		size: 118_000, delay: 200 * time.Microsecond, skew: 90 * time.Minute}
	for _, p := range publishers {
		s.offers[p] = &Offer{}
	}
	s.pull.Connected(8<<20, s.edgeTime())
	s.pull.Offers(publishers, s.edgeTime())
	return s
}

func (s *sim) edgeTime() time.Time { return s.now.Add(s.skew) }

func (s *sim) after(d time.Duration, do func()) {
	s.n++
	heap.Push(&s.events, event{s.now.Add(d), s.n, do})
}

// film has all publishers get the same frames.
func (s *sim) film(fps int, until time.Duration) {
	interval, end := time.Second/time.Duration(fps), s.now.Add(until)
	var next func(id uint32)
	next = func(id uint32) {
		session := uint32(1)
		for name, o := range s.offers {
			session++
			if !s.dead[name] {
				o.Put(Picture{session + uint32(name[0])<<8, id, s.now}, s.size, 0, true, s.now)
			}
			s.publish(name)
		}
		s.made++
		if s.now.Before(end) {
			s.after(interval, func() { next(id + 1) })
		}
	}
	next(0)
}

func (s *sim) publish(name string) {
	o := s.offers[name]
	for d, ok := o.Next(s.now); ok; d, ok = o.Next(s.now) {
		if s.dead[name] {
			continue
		}
		size, lost := 200, s.lose != nil && d.Frame && s.lose(s.now)
		if d.Frame {
			size += s.size
			s.on++
			s.mostOn = max(s.mostOn, s.on)
		}
		s.free = later(s.now, s.free)
		if s.rate > 0 {
			s.free = s.free.Add(time.Duration(float64(size) / s.rate * 1e9))
		}
		at := later(s.free.Add(s.delay), s.stuck)
		s.after(at.Sub(s.now), func() {
			if d.Frame {
				s.on--
			}
			if _, inbox := s.pull.Publisher(); !lost && d.Inbox == string(rune(inbox)) {
				s.arrive(d, o)
			}
		})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *sim) arrive(d Delivery, o *Offer) {
	a, err := s.pull.Take(d.Header, d.Frame, s.edgeTime())
	if err != nil {
		s.t.Fatal(err)
	}
	if a.Show {
		h, _ := parseHeader(d.Header)
		p := h.picture
		if n := len(s.shown); n > 0 && !p.Captured.After(s.shown[n-1].Captured) {
			s.t.Fatalf("at %v a frame of %v after one of %v", s.now, p.Captured, s.shown[n-1].Captured)
		}
		s.shown, s.at = append(s.shown, p), append(s.at, s.now)
		s.ages = append(s.ages, s.now.Sub(p.Captured))
		if a.Timed {
			s.wrongByMost = max(s.wrongByMost, a.Captured.Add(-s.skew).Sub(p.Captured).Abs())
		}
	}
	s.ask()
}

func (s *sim) ask() {
	for body, ok := s.pull.Next(s.edgeTime()); ok; body, ok = s.pull.Next(s.edgeTime()) {
		name, inbox := s.pull.Publisher()
		s.after(later(s.now.Add(s.delay), s.stuck).Sub(s.now), func() {
			if s.dead[name] && s.absent {
				s.pull.Absent(s.edgeTime())
			} else if !s.dead[name] {
				if err := s.offers[name].Want(string(rune(inbox)), body, s.now); err != nil {
					s.t.Fatal(err)
				}
				s.publish(name)
			}
		})
	}
}

func (s *sim) run(d time.Duration) {
	end := s.now.Add(d)
	var tick func()
	tick = func() {
		s.ask()
		if s.now.Before(end) {
			s.after(50*time.Millisecond, tick)
		}
	}
	tick()
	for s.events.Len() > 0 && !s.events[0].at.After(end) {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
}

func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[int(q*float64(len(d)-1))]
}
