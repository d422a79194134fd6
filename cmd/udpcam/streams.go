package main

import (
	"fmt"
	"image"
	"log/slog"
	"slices"
	"sync"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// maxDelay is the longest delay that is believed. A longer one, or one below zero, means that the clocks of sender and
// receiver differ.
const maxDelay = 10 * time.Second

// arrivals collects, for each stream, the frames that come until the next status. It is safe for concurrent use.
type arrivals struct {
	mu      sync.Mutex
	streams map[string]*arrived
}

type arrived struct {
	size   image.Point     // of a picture, zero if it has none
	delays []time.Duration // of each frame, from its capture until it was whole
}

// note notes a frame that came at a time. It does not keep the frame.
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

// next returns what has come since the last call.
func (a *arrivals) next() map[string]*arrived {
	a.mu.Lock()
	defer a.mu.Unlock()
	streams := a.streams
	a.streams = nil
	return streams
}

// delay is the median delay in milliseconds, if the sender's clock is ahead by that much. It is nil if the clocks must
// differ more.
func (a *arrived) delay(ahead time.Duration) (ms *float64, skewed bool) {
	slices.Sort(a.delays)
	median := a.delays[len(a.delays)/2] + ahead
	if median < 0 || median > maxDelay {
		return nil, true
	}
	return milliseconds(median), false
}

// quietAfter is how long a stream is silent before the log says so.
const quietAfter = 3 * time.Second

// A roster is the streams that there were a second ago.
type roster map[string]attendance

type attendance struct {
	size  string // of pictures, "" while unknown
	quiet bool
}

// next logs which streams have appeared, fallen quiet or come back, and whose pictures have changed their size. It returns
// the roster of now.
func (r roster) next(log *slog.Logger, streams []streamStatus) roster {
	present := roster{}
	for _, s := range streams {
		before, known := r[s.Name]
		now := attendance{size: before.size, quiet: time.Duration(s.Silent)*time.Millisecond >= quietAfter}
		if s.Width > 0 {
			now.size = fmt.Sprintf("%dx%d", s.Width, s.Height)
		}
		switch {
		case !known:
			log.Info("stream appears", "stream", s.Name, "from", s.From, "size", now.size)
		case now.quiet && !before.quiet:
			log.Info("stream is quiet", "stream", s.Name, "from", s.From)
		case !now.quiet && before.quiet:
			log.Info("stream is back", "stream", s.Name, "from", s.From)
		case now.size != before.size:
			log.Info("picture size changes", "stream", s.Name, "size", now.size, "before", before.size)
		}
		present[s.Name] = now
	}
	return present
}
