package sender

import "time"

const (
	// tempoGain is how much the newest frame counts against all before it.
	tempoGain = 1.0 / 8

	// overhead is what headers and the least parity add to a frame of 80 kB, as a share of it.
	overhead = 0.04

	// guessedInterval is the time from one frame to the next before it has been measured.
	guessedInterval = time.Second / 30
)

// A tempo measures how often frames come and how large they are. The zero value has seen none.
type tempo struct {
	interval time.Duration // from one frame to the next, smoothed
	size     float64       // bytes, smoothed
	last     time.Time
}

// add takes in a frame that was handed in.
func (t *tempo) add(size int, now time.Time) {
	if t.last.IsZero() {
		t.interval, t.size = guessedInterval, float64(size)
	} else {
		t.interval += time.Duration(tempoGain * float64(now.Sub(t.last)-t.interval))
		t.size += tempoGain * (float64(size) - t.size)
	}
	t.last = now
}

// pressure is the share of the frames that a path with such a limit, in bytes a second, carries.
func (t *tempo) pressure(limit float64) float64 {
	if limit == 0 {
		return 1
	}
	return min(1, limit*t.interval.Seconds()/(t.size*(1+overhead)))
}
