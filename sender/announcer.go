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

// An announcer makes announcements.
type announcer struct {
	name string
	via  protocol.Relays
	size image.Point // of a recent frame
	seen time.Time   // when that frame came
	rate frameRate
}

// observe learns from a frame that is to be sent.
func (a *announcer) observe(f protocol.Frame, now time.Time) {
	a.rate.count(now)
	if now.Sub(a.seen) >= announceSoon {
		a.size, _ = mjpeg.Size(f.JPEG) // zero if it is unknown
		a.seen = now
	}
}

func (a *announcer) announcement(newest uint32) protocol.Announcement {
	return protocol.Announcement{Name: a.name, Size: a.size, MilliFPS: a.rate.milliFPS, Newest: newest, Via: a.via}
}

// An announced says how often the stream was announced to a destination, and when it was last.
type announced struct {
	times int
	last  time.Time
}

// due reports whether the stream is to be announced again, and counts that. It is if enough time has passed, or if it was
// announced only a few times yet.
func (a *announced) due(enough time.Duration, now time.Time) bool {
	if a.times >= announceFrames && now.Sub(a.last) < enough {
		return false
	}
	a.times++
	a.last = now
	return true
}

// A frameRate measures the frame rate, over about a second.
type frameRate struct {
	since    time.Time
	frames   int    // since then
	milliFPS uint32 // frames per 1000 seconds, 0 if not known
}

// pause forgets the time without frames that now ends.
func (r *frameRate) pause() { r.since, r.frames = time.Time{}, 0 }

func (r *frameRate) count(now time.Time) {
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
