package sender

import (
	"cmp"
	"errors"
	"net"
	"slices"
	"time"

	"udpcam/protocol"
	"udpcam/sender/internal/path"
)

// maxTrains is the most different amounts of parity that one frame leaves with. The datagrams of each are made, and sealed,
// once. If the paths need more amounts, some get more parity than they need.
const maxTrains = 4

// A leaving is a frame on its way to one destination.
type leaving struct {
	to    *destination
	plan  path.Plan
	train *protocol.OutgoingTrain // which the next frame uses again
	departure

	id              uint32
	data, all       int // datagrams of data, and of the train
	largest, amount int // bytes in the largest datagram of data, and parity segments of each block
	size            int // bytes in a datagram
	next            int // datagrams that have left, or could not be sent

	datagrams, parity, bytes int  // that were sent
	failed                   bool // whether something could not be sent
	tooLarge                 bool // whether that was too large for the path
}

// makeTrains gives each destination a train with at least as much parity as its path needs. Those leave first that need
// least: they are ready soonest.
func (s *Sender) makeTrains(o *protocol.Outgoing) {
	slices.SortStableFunc(s.leaving, func(a, b leaving) int {
		return cmp.Or(cmp.Compare(a.plan.Rate, b.plan.Rate), cmp.Compare(a.plan.Parity, b.plan.Parity))
	})
	amounts := s.amounts[:0]
	for _, l := range s.leaving {
		amounts = append(amounts, l.plan.Parity)
	}
	slices.Sort(amounts)
	amounts = slices.Compact(amounts)
	n := min(len(amounts), maxTrains)
	for i := range n {
		amounts[i] = amounts[len(amounts)*(i+1)/n-1]
		s.trains[i].Begin(o, amounts[i])
	}
	s.amounts = amounts[:n]
	for i := range s.leaving {
		l := &s.leaving[i]
		at, _ := slices.BinarySearch(s.amounts, l.plan.Parity)
		t := &s.trains[at]
		l.train, l.departure = t, l.to.depart(t.Size(), l.plan, s.config)
		l.id, l.data, l.all = o.FrameID(), o.Segments(), t.Len()
		l.largest, l.amount, l.size = o.Largest(), t.Parity(), o.DatagramSize()
	}
}

// depart says how a frame of size bytes leaves.
func (d *destination) depart(size int, plan path.Plan, c Config) departure {
	next := c.Clock.Now()
	if c.Pace.rate > 0 && !c.Pace.atMost && d.free.After(next) {
		next = d.free // the last frame still uses up the rate
	}
	return c.Pace.departure(size, plan, next)
}

// leave sends the present frame to its destinations: the data to all that can have it now, then the parity. Frames for slow
// paths are put into backlogs if there are other destinations. The error is net.ErrClosed.
func (s *Sender) leave(o *protocol.Outgoing) error {
	batch, made := s.batch(o), 0
	s.quotable.add(s.trains[0].Make(1)[0])
	all := o.Segments()
	for _, l := range s.leaving {
		all = max(all, l.all)
	}
	for {
		switch data := o.Segments(); { // make some more datagrams, but no parity before all data has been offered
		case made < data:
			made = min(made+batch, data)
		case made < all:
			made = all
		}
		pause, waits, err := s.sendReady(made)
		switch {
		case err != nil:
			return err
		case made < all: // there is more to make
		case waits == nobody:
			return nil
		case waits == onlySlow && s.putsOff:
			s.putOff()
			return nil
		default:
			s.config.Clock.Sleep(pause)
		}
	}
}

// sealedBatch is how many bytes of sealed datagrams are made before they are sent. So the first ones leave early, and all are
// still in the processor's cache when they are sent. With 64 KiB the median delay of a frame of 235 kB was 4 % longer.
const sealedBatch = 24 << 10

// batch is how many datagrams of a frame's data are made at a time.
func (s *Sender) batch(o *protocol.Outgoing) int {
	if s.config.Key == (protocol.Key{}) {
		return o.Segments() // open datagrams cost nothing to make: their payloads are views of the frame
	}
	return max(1, sealedBatch/o.DatagramSize())
}

// Who waits for the rest of a frame. Those whose path is slow need not be waited for: see backlog.go.
type waiters int

const (
	nobody waiters = iota
	onlySlow
	others // too
)

// sendReady sends each destination those of the first made datagrams of its train that may leave now. If some may not leave
// yet, it returns how long to pause. The error is net.ErrClosed.
func (s *Sender) sendReady(made int) (pause time.Duration, waits waiters, err error) {
	timed := false // whether pause is known
	for i := range s.leaving {
		l := &s.leaving[i]
		ready := l.train.Make(made)
		if ready = ready[min(l.next, len(ready)):]; len(ready) == 0 {
			continue
		}
		now := s.config.Clock.Now()
		if l.to.behind.Load() {
			waits = max(waits, onlySlow) // the frame before is still leaving
			continue
		}
		n := l.release(ready, now)
		l.to.free = l.departure.next
		if n > 0 {
			if err := s.send(l, ready[:n], now); err != nil {
				return 0, nobody, err
			}
			if n == len(ready) {
				continue
			}
			now = s.config.Clock.Now()
		}
		if wait := l.departure.next.Sub(now); !timed || wait < pause {
			pause, timed = wait, true
		}
		if waits = max(waits, onlySlow); !l.departure.slow {
			waits = others
		}
	}
	return pause, waits, nil
}

// send sends datagrams of a frame to a destination. The error is net.ErrClosed.
func (s *Sender) send(l *leaving, datagrams []protocol.Datagram, now time.Time) error {
	if l.next == 0 {
		s.begun(l, now)
	}
	err := s.transmit(l.to, datagrams)
	parity := max(0, l.next+len(datagrams)-max(l.next, l.data))
	l.next += len(datagrams)
	switch {
	case errors.Is(err, net.ErrClosed):
		return err
	case err != nil:
		l.failed = true
		l.tooLarge = l.to.automatic && tooLarge(err)
	default:
		l.datagrams += len(datagrams)
		l.parity += parity
		l.bytes += size(datagrams)
	}
	if l.next == l.all {
		s.ended(l)
	}
	return nil
}

// begun notes that a frame begins to leave to a destination.
func (s *Sender) begun(l *leaving, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := l.to
	if d.began.IsZero() {
		d.began = now
	}
	d.got.note(l.id, l.amount)
	d.path.Begin(l.id, l.all, l.size, l.departure.rate, now)
	d.hole.sent(l.largest)
}

// ended notes that a frame has left to a destination.
func (s *Sender) ended(l *leaving) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.to.path.End(s.config.Clock.Now())
}

// countLeft counts what has left of a frame to one destination. s.mu is held.
func (s *Sender) countLeft(l *leaving, now time.Time) {
	l.to.allowance.earn(l.to.answerShare(now), l.bytes)
	s.stats.Datagrams += uint64(l.datagrams)
	s.stats.Parity += uint64(l.parity)
	s.stats.WireBytes += uint64(l.bytes)
	if l.failed {
		s.stats.Failed++
	}
	if l.tooLarge {
		s.fit(l.to, now)
	}
}

// size is how many bytes the datagrams have together.
func size(datagrams []protocol.Datagram) (bytes int) {
	for _, d := range datagrams {
		bytes += len(d[0]) + len(d[1])
	}
	return bytes
}

// A record says with how much parity a destination got each of the last frames, and which of them it did not get. The frame
// with ID i is in place i mod ringFrames. The zero value is empty.
type record [ringFrames]struct {
	id     uint32
	parity int
}

// leftOut is the parity of a frame that was not sent to a destination.
const leftOut = -1

func (r *record) note(id uint32, parity int) {
	r[id%ringFrames].id, r[id%ringFrames].parity = id, parity
}

func (r *record) find(id uint32) (parity int, known bool) {
	return r[id%ringFrames].parity, r[id%ringFrames].id == id
}
