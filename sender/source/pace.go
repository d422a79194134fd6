package source

import (
	"context"
	"time"
)

// defaultFPS is the frame rate of files and folders that are given none.
const defaultFPS = 30

// A schedule says when the frames of a source that has no clock of its own are due. The n-th is due n/fps seconds after
// the first, whenever the ones between were taken, so that the rate neither drifts nor rounds. A caller that falls
// behind gets the next frames at once until it has caught up; one that falls behind by more than slack is not flooded:
// the schedule begins anew.
type schedule struct {
	fps   float64
	slack time.Duration

	start time.Time
	n     int // frames since start
	timer *time.Timer
}

// newSchedule returns a schedule whose first frame is due at once.
func newSchedule(fps float64, slack time.Duration) *schedule {
	return &schedule{fps: fps, slack: slack}
}

// wait returns when the next frame is due. It returns false if ctx is done.
func (s *schedule) wait(ctx context.Context) bool {
	now := time.Now()
	if s.start.IsZero() {
		s.start = now
	}
	due := s.start.Add(time.Duration(float64(s.n) / s.fps * float64(time.Second)))
	s.n++
	ahead := due.Sub(now)
	if ahead < -s.slack {
		s.start, s.n = now, 1
	}
	if ahead <= 0 {
		return ctx.Err() == nil
	}
	if s.timer == nil {
		s.timer = time.NewTimer(ahead)
	} else {
		s.timer.Reset(ahead)
	}
	select {
	case <-s.timer.C:
		return true
	case <-ctx.Done():
		s.timer.Stop()
		return false
	}
}
