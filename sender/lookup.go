package sender

import (
	"slices"
	"time"

	"udpcam/internal/hosts"
	"udpcam/sender/internal/path"
)

const (
	// lookupSilence is how long a receiver may send no report until its name is looked up again: two and a half reports.
	lookupSilence = 500 * time.Millisecond

	// lookupInterval is the least time between two lookups of a name. It is unheardInterval if nothing can be heard from
	// there.
	lookupInterval  = time.Second
	unheardInterval = 2 * time.Second
)

// lookAgain looks a destination's name up again, if that is due: its receiver may have another address by now. It does not
// wait for the answer. s.mu is held.
func (s *Sender) lookAgain(d *destination, now time.Time) {
	heard, interval := d.began, lookupInterval
	if d.reported.After(heard) {
		heard = d.reported
	}
	if !d.answers {
		heard, interval = time.Time{}, unheardInterval
	}
	if d.name == "" || d.looking || now.Sub(heard) < lookupSilence || now.Sub(d.looked) < interval {
		return
	}
	d.looked, d.looking = now, true
	addr := d.Addr
	s.listeners.Go(func() {
		known, err := hosts.Resolve(s.life, s.config.Resolver, d.name)
		if err == nil && !slices.Contains(known, addr) {
			if conn, err := d.open(s.life, known[0].Addr()); err == nil {
				s.move(d, Destination{conn, known[0]})
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		d.looking = false
	})
}

// move has a destination be somewhere else. Nothing is known of the path there.
func (s *Sender) move(d *destination, to Destination) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil { // closed meanwhile
		to.Conn.Close()
		return
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	s.config.Log.Info("the receiver has another address", "name", d.name, "before", d.Addr, "now", to.Addr)
	d.Conn.Close() // which ends the listening there
	fresh := newDestination(to, s.config)
	d.Destination, d.answers, d.adapts, d.failing = fresh.Destination, fresh.answers, fresh.adapts, 0
	d.refused.Store(false)
	d.reported, d.told, d.clock, d.path, d.allowance = time.Time{}, fresh.told, fresh.clock, path.New(), allowance{}
	d.hole, d.sizing, d.largest = fresh.hole, fresh.sizing, 0
	d.began = s.config.Clock.Now()
	if d.answers {
		s.answered = true
		s.listen(to.Conn)
	}
}
