package sender

import (
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

const (
	// announceInterval is how often a stream is announced. Whoever joins late waits for the announcement before it
	// shows the first picture, half of this on average; it costs 76 bytes each time.
	announceInterval = 200 * time.Millisecond

	// announceFrames is before how many of the first frames the stream is announced, so that a lost announcement does
	// not hold up a receiver that was there first.
	announceFrames = 10
)

// An announcer decides when the stream is announced, and what is said of it.
type announcer struct {
	name string

	sent int // announcements
	last time.Time
	rate rate
}

// next returns what to announce before frame f, if that is due.
func (a *announcer) next(f protocol.Frame, now time.Time) (announcement protocol.Announcement, due bool) {
	a.rate.add(now)
	if a.sent >= announceFrames && now.Sub(a.last) < announceInterval {
		return announcement, false
	}
	a.sent++
	a.last = now
	size, _ := mjpeg.Size(f.JPEG) // a picture of unknown size is announced as such
	return protocol.Announcement{Name: a.name, Size: size, MilliFPS: a.rate.milliFPS()}, true
}

// A rate measures how many frames come in a second, over the last whole second or so.
type rate struct {
	since  time.Time
	frames int
	milli  uint32
}

func (r *rate) add(now time.Time) {
	if r.since.IsZero() {
		r.since = now
		return
	}
	r.frames++
	if d := now.Sub(r.since); d >= time.Second {
		r.milli = uint32(float64(r.frames) / d.Seconds() * 1000)
		r.since, r.frames = now, 0
	}
}

func (r *rate) milliFPS() uint32 { return r.milli }
