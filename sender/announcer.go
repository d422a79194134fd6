package sender

import (
	"image"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

const (
	// announceInterval is about how often a stream is announced. Whoever joins late waits for the announcement before
	// it shows the first picture, half of this on average; it costs 76 bytes each time.
	//
	// The best moment is when a report has come: no frame has to wait then, and the echo of the receiver's clock does
	// not wait behind one. So after announceSoon a report is reason enough, and only after announceLate is a frame, if
	// there are reports.
	announceInterval = 200 * time.Millisecond
	announceSoon     = announceInterval * 3 / 4
	announceLate     = announceInterval * 5 / 4

	// announceFrames is before how many of the first frames the stream is announced, so that a lost announcement does
	// not hold up a receiver that was there first.
	announceFrames = 10
)

// An announcer decides when the stream is announced, and what is said of it.
type announcer struct {
	name string

	sent int // announcements
	last time.Time
	size image.Point // of a recent frame
	seen time.Time   // when that came
	rate rate
}

// add takes in a frame that is to be sent.
func (a *announcer) add(f protocol.Frame, now time.Time) {
	a.rate.add(now)
	if now.Sub(a.seen) >= announceSoon {
		a.size, _ = mjpeg.Size(f.JPEG) // a picture of unknown size is announced as such
		a.seen = now
	}
}

// next returns what to announce, if enough time has passed since it was last.
func (a *announcer) next(newest uint32, enough time.Duration, now time.Time) (announcement protocol.Announcement, due bool) {
	if a.sent >= announceFrames && now.Sub(a.last) < enough {
		return announcement, false
	}
	a.sent++
	a.last = now
	return protocol.Announcement{Name: a.name, Size: a.size, MilliFPS: a.rate.milliFPS(), Newest: newest}, true
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
