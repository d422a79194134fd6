package source

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	// defaultFPS is the frame rate of sources that have no rate of their own, if the user gives none.
	defaultFPS = 30
	// catchUp is how far a recording may fall behind and still play every frame to catch up.
	catchUp = time.Second
)

// A pacer says when the frames of a source that has no clock of its own are due. Frame n is due n/fps seconds after frame
// 0, even if frames in between were late. So the rate neither drifts nor rounds.
type pacer struct {
	fps   float64
	slack time.Duration // how late the caller may be and still get every frame

	start time.Time // when frame 0 was due: at once
	n     int64     // the next frame
}

// wait waits until the next frame is due and returns its number. A caller that is late gets the next frame at once. One
// that is late by more than slack gets the newest frame that is due, and those before it are left out.
func (p *pacer) wait(ctx context.Context) (n int64, err error) {
	now := time.Now()
	if p.start.IsZero() {
		p.start = now
	}
	if p.due(p.n).Add(p.slack).Before(now) {
		const rounding = 1e-6 // of a frame's time
		p.n = max(p.n, int64(now.Sub(p.start).Seconds()*p.fps+rounding))
	}
	n = p.n
	p.n++
	return n, sleep(ctx, p.due(n).Sub(now))
}

func (p *pacer) due(n int64) time.Time {
	return p.start.Add(time.Duration(float64(n) / p.fps * float64(time.Second)))
}

// A backoff spaces out attempts: about 100 ms after the first failure, twice that after each further one, 5 s at most.
// Each pause is cut by a random part of up to a half, so that many programs that read one camera do not come back in step.
type backoff struct{ failures int }

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// wait waits until it is time for the next attempt.
func (b *backoff) wait(ctx context.Context) error {
	longest := min(firstRetry<<min(b.failures, 10), lastRetry)
	b.failures++
	return sleep(ctx, longest-rand.N(longest/2))
}

// sleep waits for so long. The error is errStopped if ctx is done before.
func sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return errStopped
	}
	return nil
}
