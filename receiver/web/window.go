package web

import "time"

// maxFlying is the most pictures that are on their way to one page, however distant it is or claims to be.
const maxFlying = 8

// A window says when another picture may leave to a page. It keeps no pictures, only when which left.
//
// On a local network one picture is under way at a time: the next leaves when the page has taken the last, and is the
// newest at that moment, so that nothing waits anywhere. Over a distance that would make a picture a round trip. There as
// many may be under way as the cable holds: the least round trip so far, divided by the time between pictures. A queue that
// builds up makes the round trip longer, but not the least one, and so does not feed itself.
type window struct {
	flying []flight // sent and not taken yet, the oldest first
	rtt    time.Duration
	known  bool // whether rtt is
}

type flight struct {
	number uint32
	at     time.Time
}

// sent notes that a picture has left.
func (w *window) sent(number uint32, now time.Time) {
	w.flying = append(w.flying, flight{number, now})
}

// taken notes that a page has taken a picture, and with it all before it, after holding it for a time.
func (w *window) taken(number uint32, held time.Duration, now time.Time) {
	for i, f := range w.flying {
		if f.number != number {
			continue
		}
		if rtt := max(0, now.Sub(f.at)-held); !w.known || rtt < w.rtt {
			w.rtt, w.known = rtt, true
		}
		w.flying = append(w.flying[:0], w.flying[i+1:]...)
		return
	}
}

// open reports whether another picture may leave, where they come an interval apart; 0 is not known.
func (w *window) open(interval time.Duration) bool {
	size := 1
	if interval > 0 {
		size = min(1+int((w.rtt+interval/2)/interval), maxFlying)
	}
	return len(w.flying) < size
}

// waiting returns since when the oldest picture has been on its way, and false if none is.
func (w *window) waiting() (since time.Time, ok bool) {
	if len(w.flying) == 0 {
		return since, false
	}
	return w.flying[0].at, true
}
