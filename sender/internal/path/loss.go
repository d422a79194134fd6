package path

import (
	"math"
	"time"
)

// A losses measures what a path loses. It computes how much parity is needed so that only about one frame in a thousand
// needs a request.
type losses struct{ fast, slow window }

// guessed is the assumed loss of a path before anything is known.
func guessed() losses {
	lost := guessedDatagrams * guessedLoss
	return losses{
		fast: window{over: fastLoss},
		slow: window{over: slowLoss, sent: guessedDatagrams, lost: lost, runs: lost},
	}
}

// add counts the datagrams of a train, those that were lost, and in how many runs.
func (l *losses) add(sent, lost, runs int, now time.Time) {
	l.fast.add(sent, lost, runs, now)
	l.slow.add(sent, lost, runs, now)
}

// recover corrects the count: n datagrams that were counted as lost were only late.
func (l *losses) recover(n int) {
	for _, w := range []*window{&l.fast, &l.slow} {
		w.lost = max(0, w.lost-float64(n))
		w.runs = min(w.runs, w.lost)
	}
}

// any reports whether enough is lost to be worth parity.
func (l *losses) any() bool { return l.slow.loss() > 0.001 || l.fast.loss() > 0 }

// parity is how many parity segments a block of k data segments needs, in a frame with that number of blocks.
func (l *losses) parity(k, blocks int) (p int) {
	for _, w := range []*window{&l.fast, &l.slow} {
		p = max(p, parityFor(k, w.loss(), w.run()/float64(blocks))) // blocks share the run: neighbours are in different ones
	}
	return p
}

// parityFor returns how many parity segments, from 1 to k/2, a block of k data segments needs. That is the smallest p for
// which k + p segments lose at most p: the mean loss plus some standard deviations. Each segment is lost with probability q,
// in runs of run segments on average. If the lengths of runs are geometrically distributed, the variance is 2·run - 1 times
// that of independent losses.
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

// A window sums up what was sent and lost. The past counts less and less: 1/e after the time constant.
type window struct {
	over             time.Duration // the time constant
	at               time.Time     // of the last train
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
