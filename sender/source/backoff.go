package source

import (
	"context"
	"math/rand/v2"
	"time"
)

// A backoff spaces out attempts: about 100 ms after the first failure, twice that after each further one, 5 s at most.
// Each wait is cut by a random part of up to a half, so that many receivers of one camera do not come back in step.
// The zero value is ready.
type backoff struct{ failures int }

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// reset says that an attempt has succeeded.
func (b *backoff) reset() { b.failures = 0 }

// wait returns when it is time for the next attempt. It returns false if ctx is done.
func (b *backoff) wait(ctx context.Context) bool {
	longest := min(firstRetry<<min(b.failures, 10), lastRetry)
	b.failures++
	t := time.NewTimer(longest - rand.N(longest/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
