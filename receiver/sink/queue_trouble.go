package sink

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"udpcam/protocol"
)

// An OutputState says whether a sink takes frames.
type OutputState struct {
	Name  string    // as the sink's owner calls it
	Err   string    // what is wrong, "" if all is well
	Since time.Time // when that began
}

// State returns whether the sink takes frames. Its name is for the caller to fill in.
func (q *Queue) State() (s OutputState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.err != nil && !errors.Is(q.err, ErrClosed):
		s.Err, s.Since = q.err.Error(), q.troubleSince
	case q.trouble != nil:
		s.Err, s.Since = q.trouble.Error(), q.troubleSince
	case q.busy && time.Since(q.busySince) >= patience:
		s.Err, s.Since = "it "+ErrStalled.Error(), q.busySince
	}
	return s
}

// A sink that may work again after an error can be opened again.
type reopener interface{ again() (Sink, error) }

// reopen opens the sink again, which has failed to take f, and lets f wait meanwhile. It returns an error if that cannot
// help.
func (q *Queue) reopen(f protocol.Frame, err error) error {
	failed, ok := q.sink.(reopener)
	q.mu.Lock()
	if q.trouble == nil {
		q.troubleSince = time.Now()
	}
	q.trouble = err
	q.waiting = slices.Insert(q.waiting, 0, f)
	q.size += len(f.JPEG)
	q.shorten()
	q.mu.Unlock()
	if !ok {
		return err
	}
	q.sink.Close() // Put has said what is wrong
	q.use(over{})
	for {
		if q.lastTry {
			return fmt.Errorf("%w; %d frames are lost", err, q.waitingFrames())
		}
		select {
		case <-time.After(retryEvery):
		case <-q.quit:
			q.lastTry = true
		}
		var again Sink
		if again, err = failed.again(); err == nil {
			q.use(again)
			return nil
		}
		q.mu.Lock()
		q.trouble = err
		q.mu.Unlock()
	}
}

func (q *Queue) waitingFrames() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// use sets the sink.
func (q *Queue) use(s Sink) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sink, q.prompt = s, nil
	if p, ok := s.(interface{ prompt(n int) bool }); ok {
		q.prompt = p.prompt
	}
}

// over is a sink that has been closed.
type over struct{}

func (over) Put(protocol.Frame) error { return ErrClosed }
func (over) Close() error             { return nil }

// A tidier is a sink that cleans up now and then.
type tidier interface{ tidy(now time.Time) }

// tidy lets the sink clean up. q.mu is held, but not meanwhile.
func (q *Queue) tidy() {
	q.untidy, q.busy, q.busySince = false, true, time.Now()
	q.mu.Unlock()
	if t, ok := q.sink.(tidier); ok {
		t.tidy(q.busySince)
	}
	q.mu.Lock()
	q.busy = false
	q.tidying.Reset(tidyEvery)
}
