package sink

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// A mender mends the films beside those that are recorded, if they were cut off. It works in a goroutine of its own.
type mender struct {
	dir  string
	o    Options
	once sync.Once
	quit chan struct{} // closed to end it early
	done sync.WaitGroup
}

func newMender(o Options) *mender {
	return &mender{dir: o.home.dir, o: o, quit: make(chan struct{})}
}

// start begins, at the first call.
func (m *mender) start() {
	m.once.Do(func() {
		if claims { // else it might mend what is being recorded
			m.done.Go(m.run)
		}
	})
}

// stop ends the work after the present film. start must not be called again.
func (m *mender) stop() {
	close(m.quit)
	m.done.Wait()
}

func (m *mender) run() {
	entries, _ := os.ReadDir(m.dir)
	for _, entry := range entries {
		select {
		case <-m.quit:
			return
		default:
		}
		if !entry.Type().IsRegular() || !isMatroska(entry.Name()) {
			continue
		}
		name := filepath.Join(m.dir, entry.Name())
		switch mended, err := mend(name, true); {
		case err == nil && !mended.Whole:
			m.o.log("film mended", "file", name, "duration", mended.Duration, "bytes_cut_off", mended.Cut)
		case err != nil && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrRecording):
			m.o.log("a film cannot be mended", "file", name, "error", err)
		}
	}
}
