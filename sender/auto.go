package sender

import (
	"math"
	"time"
)

const (
	// guessedParity is the parity of a path of which nothing is known, in segments per data segment.
	guessedParity = 0.1

	// guessedLoss is what the path is thought to lose at first, which makes for about guessedParity, and
	// guessedSegments how many segments that opinion is worth against those that reports tell of.
	guessedLoss     = 0.03
	guessedSegments = 100

	// fastLoss and slowLoss are the time constants over which loss is measured. The fast one notices when the network
	// gets worse, the slow one remembers rare losses.
	fastLoss = 500 * time.Millisecond
	slowLoss = 4 * time.Second

	// deviations is how many standard deviations above the mean the losses of a block may be that parity still
	// repairs. Of a binomial distribution, one frame in a thousand is above three.
	deviations = 3
)

// An autoParity chooses how much parity a path needs, from what its receiver reports: enough that about one frame in a
// thousand has to be asked for. It is pure: now is an argument.
type autoParity struct {
	fast, slow window
}

// newAutoParity knows nothing of the path yet.
func newAutoParity() *autoParity {
	a := &autoParity{}
	a.forget()
	a.slow.expected = guessedSegments
	a.slow.lost = guessedSegments * guessedLoss
	a.slow.bursts = a.slow.lost
	return a
}

// forget has the path be one that loses nothing, as far as is known.
func (a *autoParity) forget() { a.fast, a.slow = window{over: fastLoss}, window{over: slowLoss} }

// report takes in what happened since the last report.
func (a *autoParity) report(c change, now time.Time) {
	a.fast.add(c, now)
	a.slow.add(c, now)
}

// segments returns how many parity segments a block of k data segments needs, in a frame of so many blocks.
func (a *autoParity) segments(k, blocks int) int {
	p := 0
	for _, w := range []*window{&a.fast, &a.slow} {
		p = max(p, parityFor(k, w.loss(), w.burst()/float64(blocks))) // neighbours are in different blocks
	}
	return p
}

// parityFor returns the smallest number of parity segments, from 1 to half of k, that k + parity segments lose at the
// most, give or take some deviations, where each is lost with probability q, in bursts of so many on average. Bursts
// make the variance 2·burst - 1 times that of independent losses (of runs of geometric length).
func parityFor(k int, q, burst float64) int {
	limit := max(1, k/2)
	for p := 1; p < limit; p++ {
		n := float64(k + p)
		if n*q+deviations*math.Sqrt(n*q*(1-q)*(2*max(burst, 1)-1)) <= float64(p) {
			return p
		}
	}
	return limit
}
