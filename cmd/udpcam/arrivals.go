package main

import (
	"image"
	"slices"
	"sync"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// maxDelay is the longest delay that is believed. A longer one, or one below zero, says that the clocks of sender and
// receiver differ.
const maxDelay = 10 * time.Second

// arrivals notes the frames that come, by stream, until it is asked once a second. It is safe for concurrent use.
type arrivals struct {
	mu      sync.Mutex
	since   time.Time
	streams map[string]*arrived
}

// arrived is what came of one stream.
type arrived struct {
	size   image.Point     // of a picture, zero if it has none
	delays []time.Duration // of each frame, from when it was captured until it was whole
}

// note notes a frame that came at a time. It keeps nothing of it.
func (a *arrivals) note(f protocol.Frame, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams == nil {
		a.streams = map[string]*arrived{}
	}
	s := a.streams[f.Stream]
	if s == nil {
		s = &arrived{}
		s.size, _ = mjpeg.Size(f.JPEG)
		a.streams[f.Stream] = s
	}
	s.delays = append(s.delays, now.Sub(f.Captured))
}

// take returns what came since it was called last, and how long that is.
func (a *arrivals) take(now time.Time) (streams map[string]*arrived, period time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	streams, period = a.streams, now.Sub(a.since)
	a.streams, a.since = nil, now
	return streams, period
}

// delay is the median delay in milliseconds, where the sender's clock is so far ahead; nil if that cannot be.
func (a *arrived) delay(ahead time.Duration) (ms *float64, skewed bool) {
	slices.Sort(a.delays)
	median := a.delays[len(a.delays)/2] + ahead
	if median < 0 || median > maxDelay {
		return nil, true
	}
	return milliseconds(median), false
}

func milliseconds(d time.Duration) *float64 {
	ms := round(float64(d)/float64(time.Millisecond), 2)
	return &ms
}
