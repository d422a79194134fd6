package sender

import (
	"image"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

const (
	// announceInterval is about the time between two announcements. A receiver that joins late waits for one before it
	// shows a picture: on average half of this. An announcement has about 76 bytes.
	//
	// The best moment is when a report has just come. Then no frame waits for the announcement, and the clock echo does not
	// wait behind a frame. So a report is enough reason after announceSoon. As long as reports come, a frame is one only
	// after announceLate.
	announceInterval = 200 * time.Millisecond
	announceSoon     = announceInterval * 3 / 4
	announceLate     = announceInterval * 5 / 4

	// announceFrames is the number of first frames before each of which the stream is announced. So a lost announcement
	// does not delay a receiver that was there before the sender.
	announceFrames = 10
)

// An announcer decides when the stream is announced, and makes the announcement.
type announcer struct {
	name string

	sent int         // announcements
	last time.Time   // when the stream was announced last
	size image.Point // of a recent frame
	seen time.Time   // when that frame came
	rate rate
}

// observe learns from a frame that is to be sent.
func (a *announcer) observe(f protocol.Frame, now time.Time) {
	a.rate.count(now)
	if now.Sub(a.seen) >= announceSoon {
		a.size, _ = mjpeg.Size(f.JPEG) // zero if it is unknown
		a.seen = now
	}
}

// next returns what to announce, if enough time has passed since the last announcement.
func (a *announcer) next(newest uint32, enough time.Duration, now time.Time) (announcement protocol.Announcement, due bool) {
	if a.sent >= announceFrames && now.Sub(a.last) < enough {
		return announcement, false
	}
	a.sent++
	a.last = now
	return protocol.Announcement{Name: a.name, Size: a.size, MilliFPS: a.rate.milliFPS, Newest: newest}, true
}

// A rate measures the frame rate, over about a second.
type rate struct {
	since    time.Time
	frames   int    // since then
	milliFPS uint32 // frames per 1000 seconds, 0 if not known
}

func (r *rate) count(now time.Time) {
	if r.since.IsZero() {
		r.since = now
		return
	}
	r.frames++
	if d := now.Sub(r.since); d >= time.Second {
		r.milliFPS = uint32(float64(r.frames) / d.Seconds() * 1000)
		r.since, r.frames = now, 0
	}
}
