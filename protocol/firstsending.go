package protocol

import "time"

// A firstSending is what came of a frame's datagrams as they were first sent: data, then parity, in order. Answers to
// requests are not counted. It tells what the network loses and reorders.
type firstSending struct {
	data   int // datagrams of data, 0 if nothing of the frame came
	parity int // datagrams of parity
	seen   bitset
	top    int       // one above the last in order that came
	last   time.Time // when one came last
	over   time.Time // when the last in order came, or one of a newer frame, zero before that
}

// note takes in a datagram. If it comes although the sending was over, reordered says by how much it is late.
func (f *firstSending) note(s *segment, now time.Time) (reordered time.Duration) {
	if f.data == 0 {
		f.data, f.parity = s.layout.segments(), int(s.Parity)*s.layout.blocks
	}
	at := s.index
	if s.parity {
		at = f.data + s.index*s.layout.blocks + int(s.Block)
	}
	for len(f.seen) <= at/64 {
		f.seen = append(f.seen, 0)
	}
	if f.seen.has(at) {
		return 0
	}
	f.seen.set(at)
	f.last, f.top = now, max(f.top, at+1)
	if !f.over.IsZero() {
		return now.Sub(f.over)
	}
	if f.top >= f.data+f.parity {
		f.over = now
	}
	return 0
}

// count returns how many datagrams were sent, how many came, and in how many runs the others are missing.
func (f *firstSending) count() (sent, came, gaps int) {
	sent, came = max(f.top, f.data+f.parity), f.seen.count()
	missing := false
	for i := range sent {
		was := missing
		if missing = !f.seen.has(i); missing && !was {
			gaps++
		}
	}
	return sent, came, gaps
}
