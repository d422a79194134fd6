package sender

import (
	"slices"

	"udpcam/protocol"
)

// maxBacklog is how many frames may be in the backlog of a destination. If there are as many, the next one is skipped there.
// The model of the path lets a frame leave before the next one comes, so that is rare.
const maxBacklog = 1

// A backlog is what is still to leave of a frame to a destination whose path is slow. It leaves while the sender is already
// busy with the next frame for the others: a slow path must not hold them up. The datagrams are copies.
type backlog struct {
	leaving
	datagrams []protocol.Datagram
}

// putOff puts what has not left yet of the present frame into the backlogs of its destinations.
func (s *Sender) putOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.leaving {
		if l.next == l.all {
			continue
		}
		rest := l.train.Make(l.all)[l.next:]
		memory := make([]byte, 0, size(rest))
		b := &backlog{leaving: l, datagrams: make([]protocol.Datagram, len(rest))}
		for i, d := range rest {
			at := len(memory)
			memory = append(append(memory, d[0]...), d[1]...)
			b.datagrams[i] = protocol.Datagram{memory[at:len(memory):len(memory)], nil}
		}
		b.leaving.datagrams, b.parity, b.bytes, b.failed, b.tooLarge = 0, 0, 0, false, false
		l.to.backlog = append(l.to.backlog, b)
		if len(l.to.backlog) == 1 {
			l.to.behind.Store(true)
			s.listeners.Go(func() { s.catchUp(l.to) })
		}
	}
}

// catchUp sends the backlog of a destination, until it is empty or the sender is closed.
func (s *Sender) catchUp(d *destination) {
	for {
		s.mu.Lock()
		b := d.backlog[0]
		s.mu.Unlock()
		if b.next == 0 { // it has waited for the frame before
			b.departure.next = s.config.Clock.Now()
		}
		for first := b.next; b.next < b.all; {
			if s.life.Err() != nil {
				return
			}
			now := s.config.Clock.Now()
			rest := b.datagrams[b.next-first:]
			if n := b.release(rest, now); n == 0 {
				s.config.Clock.Sleep(b.departure.next.Sub(now))
			} else if s.send(&b.leaving, rest[:n], now) != nil {
				return
			}
		}
		if !s.caughtUp(d, b) {
			return
		}
	}
}

// caughtUp removes the frame that has left from a backlog. It returns whether there is another one.
func (s *Sender) caughtUp(d *destination, b *backlog) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countLeft(&b.leaving, s.config.Clock.Now())
	d.backlog = slices.Delete(d.backlog, 0, 1)
	d.behind.Store(len(d.backlog) > 0)
	return len(d.backlog) > 0
}
