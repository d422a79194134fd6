package main

import (
	"sync"
	"time"
)

// A reporter knows what a command does.
type reporter interface {
	// sample returns the status at a time, and logs what has changed since it was called last.
	sample(now time.Time) status
	// summary logs what the command has done altogether, which took so long.
	summary(took time.Duration)
	// frames is how many frames the command has had to do with so far.
	frames() uint64
}

// statusInterval is how often a status is reported. Rates are over this time.
const statusInterval = time.Second

// A watch reports what a command does while it runs: every second, and when it ends.
type watch struct {
	session  *session
	reporter reporter
	quit     chan struct{}
	running  sync.WaitGroup
	stopped  time.Time // zero while it runs
}

// watch begins to report.
func (s *session) watch(r reporter) *watch {
	w := &watch{session: s, reporter: r, quit: make(chan struct{})}
	w.running.Go(func() {
		ticker := time.NewTicker(statusInterval)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				s.report(r.sample(now))
			case <-w.quit:
				return
			}
		}
	})
	return w
}

// stop stops reporting: the command has done what it does, and closes what it has open.
func (w *watch) stop() {
	if w.stopped.IsZero() {
		close(w.quit)
		w.running.Wait()
		w.stopped = time.Now()
	}
}

// end reports how it was when the watch was stopped, so that even a short run is reported whole, and adds the summary.
// It does neither if the command failed before it did anything: then the error says all.
func (w *watch) end(failed error) {
	w.stop()
	defer w.session.console.setStatus("")
	if failed != nil && w.reporter.frames() == 0 {
		return
	}
	w.session.report(w.reporter.sample(w.stopped))
	w.session.console.setStatus("")
	w.reporter.summary(time.Since(w.session.began))
}
