package web

import (
	"sync/atomic"
	"time"
)

// A meter counts events by the second. One goroutine marks, any may read.
type meter struct {
	began time.Time
	n     int64
	last  atomic.Int64 // events in the last whole second
}

func (m *meter) mark(now time.Time) {
	if now.Sub(m.began) >= time.Second {
		m.last.Store(m.n)
		m.began, m.n = now, 0
	}
	m.n++
}
