package sender

import "time"

const (
	// trialFailure is the share of frames that must not become whole, for so long as failureTime, for sending less to
	// be tried on a path that is thought to carry all.
	trialFailure = 0.3
	failureTime  = 600 * time.Millisecond

	// trialLoss is how much more than usual must be lost, as a share of all datagrams.
	trialLoss = 0.04

	// trialTime is how long a trial takes, and trialCure to which part of what it was loss must have fallen by then.
	trialTime = time.Second
	trialCure = 0.6

	// minBar and maxBar are for how long no other trial begins after one that was for nothing: twice as long each
	// time.
	minBar = 10 * time.Second
	maxBar = 2 * time.Minute

	// limitedBar is the same on a path that is known not to carry all.
	limitedBar = 2 * time.Second

	// recentLoss is over how long the loss is measured here.
	recentLoss = 500 * time.Millisecond
)

// A trial finds out whether loss comes from overload, where no delay tells, because the queue before the bottleneck
// is short. If it does, sending less cures it; a radio that loses packets loses the same share of fewer. The zero
// value is ready.
type trial struct {
	recent window
	usual  float64   // the loss that sending less does not cure
	fails  time.Time // since when too many frames do not become whole, zero if they do
	ends   time.Time // zero if no trial is under way
	before float64   // loss when it began
	saved  float64   // the limit before it, to go back to; the overload's own
	cured  bool      // whether one found that a path carries less than was thought
	barred time.Time // until when no trial begins
	bar    time.Duration
}

type trialStep int

const (
	trialNothing trialStep = iota
	trialBegins            // send less from now on
	trialFails             // send as much as before
)

// lossy reports whether more is lost than sending less does not cure.
func (t *trial) lossy() bool { return t.recent.loss() > t.usual+trialLoss }

// stop ends a trial, because a delay has told.
func (t *trial) stop() { t.ends = time.Time{} }

// report takes in what happened since the last report, and says what to do.
func (t *trial) report(c change, limited bool, now time.Time) trialStep {
	t.recent.over = recentLoss
	t.recent.add(c, now)
	loss := t.recent.loss()
	t.usual = min(t.usual, loss)
	if t.recent.failure() < trialFailure {
		t.fails = time.Time{}
	} else if t.fails.IsZero() {
		t.fails = now
	}
	switch failing := !t.fails.IsZero() && now.Sub(t.fails) >= failureTime; {
	case !t.ends.IsZero() && now.After(t.ends):
		usual := t.usual
		t.ends, t.usual = time.Time{}, loss
		if loss > max(trialCure*t.before, usual+trialLoss) {
			if t.saved > 0 {
				t.barred = now.Add(limitedBar)
				return trialFails
			}
			t.bar = min(max(minBar, 2*t.bar), maxBar)
			t.barred = now.Add(t.bar)
			return trialFails
		}
		t.bar, t.cured = 0, t.cured || t.saved == 0
	case t.ends.IsZero() && now.After(t.barred) && (failing || limited) && t.lossy():
		t.ends, t.before = now.Add(trialTime), loss
		return trialBegins
	}
	return trialNothing
}
