package sender

import (
	"slices"
	"time"

	"udpcam/protocol"
)

// maxBacklog is how many frames may be in the backlog of a destination. If there are as many, the next one waits. That is rare:
// the model of the path lets a frame leave before the next one comes, and skips frames that the path does not carry. But
// frames may come in bursts, and the machine may be too slow for the source.
const maxBacklog = 2

// closeWait is how long a sender that is closed waits for its backlogs.
const closeWait = time.Second

// settling is how long after the first frame backlogs are used. Until then nobody watches who could be held up, and no path is
// known. A path that seems to be slow may be a machine that is slow to start: then the source has to wait for it.
const settling = time.Second

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
			s.backlogs.Go(func() { s.catchUp(l.to) })
		}
	}
}

// awaitBacklogs waits until all backlogs are empty, for closeWait at most.
func (s *Sender) awaitBacklogs() {
	empty := make(chan struct{})
	go func() {
		s.backlogs.Wait()
		close(empty)
	}()
	select {
	case <-empty:
	case <-time.After(closeWait):
	}
}

// catchUp sends the backlog of a destination, until it is empty or the sender is closed.
func (s *Sender) catchUp(d *destination) {
	for more := true; more; {
		s.mu.Lock()
		b := d.backlog[0]
		s.mu.Unlock()
		left := s.leaveLate(b)
		more = s.caughtUp(d, b, left)
	}
}

// leaveLate sends what is left of a frame. It returns false if the sender is closed.
func (s *Sender) leaveLate(b *backlog) bool {
	if b.next == 0 { // it has waited for the frame before
		b.departure.next = s.config.Clock.Now()
	}
	for first := b.next; b.next < b.all; {
		if s.life.Err() != nil {
			return false
		}
		now := s.config.Clock.Now()
		rest := b.datagrams[b.next-first:]
		if n := b.release(rest, now); n == 0 {
			s.config.Clock.Sleep(b.departure.next.Sub(now))
		} else if s.send(&b.leaving, rest[:n], now) != nil {
			return false
		}
	}
	return true
}

// caughtUp removes a frame from a backlog, or all if it has not left, because the sender is closed. It returns whether there
// is another one.
func (s *Sender) caughtUp(d *destination, b *backlog, left bool) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countLeft(&b.leaving, s.config.Clock.Now())
	if d.backlog = slices.Delete(d.backlog, 0, 1); !left {
		d.backlog = nil
	}
	d.behind.Store(len(d.backlog) > 0)
	s.room.Broadcast()
	return len(d.backlog) > 0
}

// awaitRoom waits until no backlog is full. s.mu is held, but not while it waits.
func (s *Sender) awaitRoom() {
	for slices.ContainsFunc(s.destinations, func(d *destination) bool { return len(d.backlog) >= maxBacklog }) {
		s.room.Wait()
	}
}
