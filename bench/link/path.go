package link

import (
	"math/rand/v2"
	"time"
)

// A Path says what happens to datagrams on their way. The zero value is a perfect network: nothing is lost, and what is
// sent is there at once.
type Path struct {
	// Loss is the share of datagrams, 0 to 1, that are lost independently of each other.
	Loss float64
	// Burst makes losses come in bursts, besides Loss.
	Burst Burst
	// Delay is how long a datagram takes; Jitter is added to it, evenly between nothing and all of it, for each
	// datagram apart, so that datagrams overtake each other.
	Delay, Jitter time.Duration
	// Duplicate is the share of datagrams that arrive twice; Damage is the share that arrive with one bit flipped.
	Duplicate, Damage float64
	// Rate is what the narrowest link carries, in bits per second, and Queue how many bytes may wait before it; what
	// does not fit is dropped. Each datagram is counted with 28 bytes of IPv4 and UDP headers. 0 is no bottleneck.
	Rate, Queue int
}

// A Burst is the two-state model of Gilbert (Bell System Technical Journal, 1960): in the bad state all is lost.
type Burst struct {
	Enter float64 // the chance, before each datagram, to go from the good state to the bad one
	Leave float64 // and from the bad one to the good one: a burst is 1/Leave datagrams long on average
}

const ipHeaders = 28

// A pathState is a path in use.
type pathState struct {
	Path
	bad  bool
	free time.Time // when the bottleneck has sent all that waits before it
}

// cross returns when the copies of a datagram arrive, if any do.
func (p *pathState) cross(now time.Time, size int, random *rand.Rand, stats *Stats) []time.Time {
	if p.Rate > 0 {
		bits := func(bytes int) time.Duration {
			return time.Duration(float64(bytes) * 8 / float64(p.Rate) * float64(time.Second))
		}
		if p.free.Before(now) {
			p.free = now
		}
		if p.free.Sub(now)+bits(size+ipHeaders) > bits(p.Queue) {
			stats.Queue++
			return nil
		}
		p.free = p.free.Add(bits(size + ipHeaders))
		now = p.free
	}
	if p.loses(random) {
		stats.Lost++
		return nil
	}
	arrivals := []time.Time{now.Add(p.delay(random))}
	if p.Duplicate > 0 && random.Float64() < p.Duplicate {
		stats.Duplicated++
		arrivals = append(arrivals, now.Add(p.delay(random)))
	}
	return arrivals
}

func (p *pathState) loses(random *rand.Rand) bool {
	if p.Burst.Enter > 0 {
		chance := p.Burst.Enter
		if p.bad {
			chance = p.Burst.Leave
		}
		if random.Float64() < chance {
			p.bad = !p.bad
		}
		if p.bad {
			return true
		}
	}
	return p.Loss > 0 && random.Float64() < p.Loss
}

func (p *pathState) delay(random *rand.Rand) time.Duration {
	if p.Jitter == 0 {
		return p.Delay
	}
	return p.Delay + time.Duration(random.Int64N(int64(p.Jitter)))
}

func (p *pathState) damages(random *rand.Rand) bool {
	return p.Damage > 0 && random.Float64() < p.Damage
}
