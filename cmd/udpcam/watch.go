package main

import (
	"sync"
	"time"
)

// A subject is the work of a command, which a watch reports on.
type subject interface {
	// sample returns the present status, and logs what has changed since the last call.
	sample(now time.Time) status
	// frames is how many frames there have been.
	frames() uint64
}

// statusInterval is the time between two statuses. Rates are over this time.
const statusInterval = time.Second

// A watch shows the status of a command every second, and once more when the command ends.
type watch struct {
	*session
	subject subject
	stop    func() (at time.Time) // is called when the work is done, before what it used is closed
}

func (s *session) watch(what subject) *watch {
	quit := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(statusInterval)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				s.show(what.sample(now))
			case <-quit:
				return
			}
		}
	})
	return &watch{s, what, sync.OnceValue(func() time.Time {
		close(quit)
		running.Wait()
		return time.Now()
	})}
}

// end shows the last status, as of when the watch was stopped, and logs the summary. If the command failed before its
// first frame it does neither: the error says all.
func (w *watch) end(failed error) {
	stopped := w.stop()
	if failed != nil && w.subject.frames() == 0 {
		w.console.setStatus("")
		return
	}
	last := w.subject.sample(stopped)
	w.show(last)
	w.console.setStatus("")
	message, attrs := last.summary()
	w.log.Info(message, append(attrs, "seconds", round(time.Since(w.began).Seconds(), 1))...)
}
