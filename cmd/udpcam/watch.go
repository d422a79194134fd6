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
	session *session
	subject subject
	quit    chan struct{}
	running sync.WaitGroup
	stopped time.Time // zero while it runs
}

func (s *session) watch(what subject) *watch {
	w := &watch{session: s, subject: what, quit: make(chan struct{})}
	w.running.Go(func() {
		ticker := time.NewTicker(statusInterval)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				s.show(what.sample(now))
			case <-w.quit:
				return
			}
		}
	})
	return w
}

// stop is called when the work is done, before what it used is closed.
func (w *watch) stop() {
	if w.stopped.IsZero() {
		close(w.quit)
		w.running.Wait()
		w.stopped = time.Now()
	}
}

// end shows the last status, as of when the watch was stopped, and logs the summary. If the command failed before its
// first frame it does neither: the error says all.
func (w *watch) end(failed error) {
	w.stop()
	defer w.session.console.setStatus("")
	if failed != nil && w.subject.frames() == 0 {
		return
	}
	last := w.subject.sample(w.stopped)
	w.session.show(last)
	w.session.console.setStatus("")
	message, attrs := last.summary()
	took := time.Since(w.session.began).Seconds()
	w.session.log.Info(message, append(attrs, "seconds", round(took, 1))...)
}
