package main_test

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// An outage is a time in which pictures need not come.
type outage struct {
	what     string
	from, to time.Time
	hits     func(p *pairing) bool
}

// pulse notes when this test itself does not get to run: then the machine is too busy, and pictures may be missing.
func (s *soak) pulse(ctx context.Context) {
	const most = 250 * time.Millisecond
	for last := time.Now(); ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		now := time.Now()
		if now.Sub(last) > most {
			s.note(fmt.Sprintf("the machine stalled for %v", now.Sub(last).Round(time.Millisecond)))
			s.mu.Lock()
			s.outages = append(s.outages, outage{"", last, now, func(*pairing) bool { return true }})
			s.mu.Unlock()
		}
		last = now
	}
}

// note keeps what happened, for the report of a failure.
func (s *soak) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes, s.noted = append(s.notes, what), append(s.noted, time.Now())
}

// disturb waits a while, and then kills something or pulls a plug.
func (s *soak) disturb(stop time.Time) {
	pause := func(from, to time.Duration) {
		end := time.Now().Add(from + time.Duration(s.rand.Int64N(int64(to-from))))
		for time.Now().Before(end) && time.Now().Before(stop) {
			s.measure()
			time.Sleep(min(time.Second, time.Until(end)))
		}
	}
	pause(4*time.Second, 8*time.Second)
	if time.Until(stop) < 2*time.Second {
		pause(2*time.Second, 3*time.Second)
		return
	}
	s.disturbances++
	o := outage{from: time.Now()}
	if s.rand.IntN(3) == 0 {
		host := 1 + s.rand.IntN(4)
		o.what = fmt.Sprintf("link of machine %d down", host)
		o.hits = func(p *pairing) bool { return p.at.host == host || p.camera.at == s.lan.machines[host-1] }
		s.note(o.what)
		s.lan.link(s.T, host, "down")
		pause(500*time.Millisecond, 1500*time.Millisecond)
		s.lan.link(s.T, host, "up")
	} else {
		// Receiver one and camera north are never killed: whatever grows in them has time to.
		names := []string{"two", "three", "south", "east"}
		name := names[s.rand.IntN(len(names))]
		p := s.processes[slices.IndexFunc(s.processes, func(p *soaked) bool { return p.name == name })]
		o.what = name + " killed"
		o.hits = func(pair *pairing) bool { return pair.at == p || pair.camera.name == name }
		s.note(o.what)
		p.p.kill()
		pause(300*time.Millisecond, 1500*time.Millisecond)
		p.begin()
	}
	o.to = time.Now()
	s.note("end of: " + o.what)
	s.mu.Lock()
	s.outages = append(s.outages, o)
	s.mu.Unlock()
}
