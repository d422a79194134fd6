package sender

import "time"

const (
	// spreadLoss is the share of datagrams that must be lost, for so long as spreadLossTime, and overflowRun how many in
	// a row on average, for frames to be spread on trial. A radio that loses a fifth of all loses 1.25 in a row; of a
	// burst that comes four times as fast as a full queue is drained, three of four are lost.
	spreadLoss     = 0.15
	spreadLossTime = 300 * time.Millisecond
	overflowRun    = 3

	// spreadWorth is how many bytes a frame must have for spreading it to be worth a trial: every switch's queue takes
	// fewer at once.
	spreadWorth = 32 << 10

	// spreadTime is how long frames are spread after that has helped.
	spreadTime = time.Minute
)

// A spreading finds out whether what is lost is lost to a queue that is too short for a frame that leaves at once, on a
// path that carries all if it comes evenly. Then parity helps little and adds to the burst. Like a [trial] it tries: to
// spread frames over most of the time between two costs delay, but loses nothing. The zero value is ready.
type spreading struct {
	lossy  time.Time // since when much is lost, zero if little is
	ends   time.Time // zero if no trial is under way
	before float64   // loss when it began
	until  time.Time // until when frames are spread, because it helps
	barred time.Time // until when no trial begins
	bar    time.Duration
}

// on reports whether frames are to be spread.
func (s *spreading) on(now time.Time) bool { return s.trying() || now.Before(s.until) }

// trying reports whether a trial is under way.
func (s *spreading) trying() bool { return !s.ends.IsZero() }

// helps has frames be spread from now on.
func (s *spreading) helps(now time.Time) { s.until, s.bar = now.Add(spreadTime), 0 }

// report takes in what was lost lately, when frames have so many bytes.
func (s *spreading) report(recent *window, frame int, now time.Time) {
	loss := recent.loss()
	if loss < spreadLoss || recent.burst() < overflowRun {
		s.lossy = time.Time{}
	} else if s.lossy.IsZero() {
		s.lossy = now
	}
	switch {
	case s.trying() && now.After(s.ends):
		s.ends = time.Time{}
		if loss <= trialCure*s.before {
			s.helps(now)
			return
		}
		s.bar = min(max(minBar, 2*s.bar), maxBar)
		s.barred = now.Add(s.bar)
	case !s.on(now) && !s.lossy.IsZero() && now.Sub(s.lossy) >= spreadLossTime && frame > spreadWorth && now.After(s.barred):
		s.ends, s.before = now.Add(trialTime), loss
	}
}
