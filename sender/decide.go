package sender

import "time"

const (
	// limitedFill is which part of the time that a path takes for a frame the frame takes to leave, if the path does
	// not carry all, and limitedShare how much of the frame interval that may be: if it were more, frames would have
	// to wait here.
	limitedFill  = 0.8
	limitedShare = 0.9

	// gentleShare is how much of the frame interval frames take to leave for a path whose queue is too short for more.
	gentleShare = 0.75
)

// What follows decides for all destinations together: all get the same datagrams, so the one that is worst off counts.
// A receiver that used to report and does not any more is gone, and does not count.

// admits reports whether every path carries one more frame now.
func (s *Sender) admits(now time.Time) bool {
	admitted := true
	for _, d := range s.destinations {
		// All are asked, because each keeps count of what it could not carry.
		if d.live(now) && !d.overload.admit(s.tempo.interval, now) {
			admitted = false
		}
	}
	return admitted
}

// limit is how many bytes a second the narrowest path carries, 0 if all carry everything.
func (s *Sender) limit(now time.Time) (limit float64) {
	for _, d := range s.destinations {
		if rate := d.overload.rate; d.live(now) && rate > 0 && (limit == 0 || rate < limit) {
			limit = rate
		}
	}
	return limit
}

// ceiling is how many bytes of a frame of such a size may leave a second, 0 for as many as there are. For a path that
// does not carry all, frames leave somewhat faster than it takes them, so that it stays busy and its queue, which
// overflowed, is needed less.
func (s *Sender) ceiling(size int, now time.Time) (ceiling float64) {
	for _, d := range s.destinations {
		rate := 0.0
		switch perInterval := float64(size) / s.tempo.interval.Seconds(); {
		case !d.live(now):
		case d.overload.rate > 0:
			rate = max(d.overload.rate/limitedFill, perInterval/limitedShare)
		case d.overload.gentle(now):
			rate = float64(size) / min(s.tempo.interval, maxSpread).Seconds() / gentleShare
		}
		if rate > 0 && (ceiling == 0 || rate < ceiling) {
			ceiling = rate
		}
	}
	return ceiling
}

// parity is how many parity segments a block of k data segments gets, in a frame of so many blocks.
func (s *Sender) parity(k, blocks int, now time.Time) int {
	if s.config.FEC.fixed {
		return s.config.FEC.segments(k)
	}
	segments := 0
	for _, d := range s.destinations {
		switch {
		case d.reported.IsZero():
			segments = max(segments, parityShare(guessedParity, k))
		case !d.live(now):
		case d.overload.troubled(now):
			return 1
		default:
			segments = max(segments, d.parity.segments(k, blocks))
		}
	}
	if segments == 0 { // all receivers are gone
		segments = parityShare(guessedParity, k)
	}
	return segments
}
