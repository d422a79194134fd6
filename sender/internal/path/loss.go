package path

import (
	"math"
	"time"
)

// A losses measures what a path loses, and tells how much parity it needs: enough that about one frame in a thousand has to
// be asked for.
type losses struct{ fast, slow window }

// guessed is what a path is thought to lose of which nothing is known.
func guessed() losses {
	lost := guessedDatagrams * guessedLoss
	return losses{
		fast: window{over: fastLoss},
		slow: window{over: slowLoss, sent: guessedDatagrams, lost: lost, runs: lost},
	}
}

// add takes in what was lost of a train, and in how many runs.
func (l *losses) add(sent, lost, runs int, now time.Time) {
	l.fast.add(sent, lost, runs, now)
	l.slow.add(sent, lost, runs, now)
}

// recover corrects the counts for n datagrams that were reported lost but came late.
func (l *losses) recover(n int) {
	for _, w := range []*window{&l.fast, &l.slow} {
		w.lost = max(0, w.lost-float64(n))
		w.runs = min(w.runs, w.lost)
	}
}

// any reports whether as much is lost that parity is worth while.
func (l *losses) any() bool { return l.slow.loss() > 0.001 || l.fast.loss() > 0 }

// parity is how many parity segments a block of k data segments needs, in a frame of so many blocks.
func (l *losses) parity(k, blocks int) (p int) {
	for _, w := range []*window{&l.fast, &l.slow} {
		p = max(p, parityFor(k, w.loss(), w.run()/float64(blocks))) // neighbours are in different blocks
	}
	return p
}

// parityFor returns how many parity segments a block of k data segments needs, from 1 to half of k. It is the smallest
// number that covers the expected losses plus some standard deviations. Each segment is lost with probability q, in runs
// of run on average. Runs of geometrically distributed length multiply the variance of independent losses by 2·run - 1.
func parityFor(k int, q, run float64) int {
	limit := max(1, k/2)
	for p := 1; p < limit; p++ {
		n := float64(k + p)
		if n*q+deviations*math.Sqrt(n*q*(1-q)*(2*max(run, 1)-1)) <= float64(p) {
			return p
		}
	}
	return limit
}

// A window sums up what was sent and lost, of which the past counts less and less: by e after the time constant.
type window struct {
	over             time.Duration // the time constant
	at               time.Time
	sent, lost, runs float64
}

func (w *window) add(sent, lost, runs int, now time.Time) {
	if !w.at.IsZero() {
		f := math.Exp(-now.Sub(w.at).Seconds() / w.over.Seconds())
		w.sent *= f
		w.lost *= f
		w.runs *= f
	}
	w.at = now
	w.sent += float64(sent)
	if lost > 0 {
		w.lost += float64(lost)
		w.runs += float64(runs)
	}
}

// loss is the share of datagrams lost.
func (w *window) loss() float64 { return ratio(w.lost, w.sent) }

// run is how many datagrams are lost in a row on average, at least 1.
func (w *window) run() float64 { return max(1, ratio(w.lost, w.runs)) }

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}
