package main

import (
	"fmt"
	"image"
	"log/slog"
	"slices"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// An arrival is a frame that came whole.
type arrival struct {
	stream string
	size   image.Point   // of the picture, zero if it has none
	delay  time.Duration // since its capture, as the difference of two clocks
}

func (w *receiving) note(f protocol.Frame, now time.Time) {
	size, _ := mjpeg.Size(f.JPEG)
	w.arrivals.note(arrival{f.Stream, size, now.Sub(f.Captured)})
}

// streams describes every stream that is received.
func (w *receiving) streams(now time.Time) []streamStatus {
	arrived, period := w.arrivals.next(), now.Sub(w.last.Time)
	streams := []streamStatus{}
	for _, info := range w.from.Streams() {
		s := streamStatus{Name: info.Name, From: info.From.String(), Silent: now.Sub(info.Seen).Milliseconds(), Sealed: info.Sealed}
		if info.Sealed {
			s.Key = info.Key.String()
		}
		if info.ClockKnown {
			s.RTT, s.Uncertainty = milliseconds(info.RTT), milliseconds(info.ClockUncertainty)
		}
		size := info.Announced.Size
		var delays []time.Duration
		for _, a := range arrived {
			if a.stream != info.Name {
				continue
			}
			delays = append(delays, a.delay+info.ClockOffset)
			if a.size != (image.Point{}) {
				size = a.size
			}
		}
		if len(delays) > 0 {
			s.FPS = round(float64(len(delays))/period.Seconds(), 2)
			if !w.untimed {
				s.Delay, s.skewed = medianDelay(delays)
			}
		}
		s.Width, s.Height = size.X, size.Y
		streams = append(streams, s)
	}
	return streams
}

// maxDelay is the longest plausible delay. A longer one, or one below zero, means that the clocks of sender and receiver
// differ.
const maxDelay = 10 * time.Second

// medianDelay is in milliseconds. It is nil if the clocks must differ.
func medianDelay(delays []time.Duration) (ms *float64, skewed bool) {
	slices.Sort(delays)
	median := delays[len(delays)/2]
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

// next logs which streams have appeared, fallen quiet or come back, and whose pictures have changed their size: at most one
// line of each kind, however many strangers send. It returns the roster of now.
func (r roster) next(log *slog.Logger, streams []streamStatus) roster {
	present := roster{}
	more := map[string]int{}
	tell := func(what string, attrs ...any) {
		if more[what]++; more[what] == 1 {
			log.Info(what, attrs...)
		}
	}
	for _, s := range streams {
		before, known := r[s.Name]
		now := attendance{size: before.size, quiet: time.Duration(s.Silent)*time.Millisecond >= quietAfter}
		if s.Width > 0 {
			now.size = fmt.Sprintf("%dx%d", s.Width, s.Height)
		}
		switch {
		case !known:
			attrs := []any{"stream", s.Name, "from", s.From, "size", now.size}
			if s.Sealed {
				attrs = append(attrs, "key", s.Key)
			}
			tell("stream appears", attrs...)
		case now.quiet && !before.quiet:
			tell("stream is quiet", "stream", s.Name, "from", s.From)
		case !now.quiet && before.quiet:
			tell("stream is back", "stream", s.Name, "from", s.From)
		case now.size != before.size:
			tell("picture size changes", "stream", s.Name, "size", now.size, "before", before.size)
		}
		present[s.Name] = now
	}
	for what, n := range more {
		if n > 1 {
			log.Info(what+", and others", "others", n-1)
		}
	}
	return present
}
