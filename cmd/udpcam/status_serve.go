package main

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"udpcam/protocol"
	"udpcam/receiver/web"
	"udpcam/sender/source"
)

// A serveStatus is the status of serve. Counts are since the start. Rates are of the last second.
type serveStatus struct {
	progress                    // of the source
	Capturing bool              `json:"capturing"` // whether the source is open
	Viewers   int               `json:"viewers"`
	FramesOut uint64            `json:"frames_out"` // shown, to all viewers together
	BytesOut  uint64            `json:"bytes_out"`  // bytes of these pictures
	Skipped   uint64            `json:"skipped"`    // pictures of the source that cannot be shown
	SkippedBy map[string]uint64 `json:"skipped_by"` // the same by reason
}

func (s serveStatus) line() string {
	if !s.Capturing {
		return "waiting for a viewer"
	}
	parts := []string{s.progress.String(), plural(s.Viewers, "viewer")}
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	return strings.Join(parts, "  ")
}

func (s serveStatus) summary() (message string, attrs []any) {
	return "served", []any{"frames", s.Frames, "bytes", s.FrameBytes, "frames_out", s.FramesOut, "bytes_out", s.BytesOut,
		counted("skipped", s.SkippedBy)}
}

// serving is the work of serve, as its watch sees it.
type serving struct {
	*session
	to           *server
	count, bytes atomic.Uint64 // frames, and bytes in them
	capturing    atomic.Bool
	last         progress
	rate         rateCheck
}

// open opens a source and yields its frames as those of a stream, counted.
func (w *serving) open(src source.Source, stream string) web.Opener {
	return func(ctx context.Context) iter.Seq2[protocol.Frame, error] {
		return func(yield func(protocol.Frame, error) bool) {
			w.capturing.Store(true)
			defer w.capturing.Store(false)
			for f, err := range src.Frames(ctx) {
				if err == nil {
					f.Stream, f.ID = stream, uint32(w.count.Add(1)-1)
					w.bytes.Add(uint64(len(f.JPEG)))
				}
				if !yield(f, err) {
					return
				}
			}
		}
	}
}

func (w *serving) sample(now time.Time) status {
	out, skipped := w.to.Stats(), w.skipped.totals()
	w.complain(skipMessage, "reason", skipped)
	w.last = w.last.next(now, w.count.Load(), w.bytes.Load())
	w.rate.note(w.log, w.last.FPS)
	return serveStatus{
		progress:  w.last,
		Capturing: w.capturing.Load(),
		Viewers:   out.Viewers,
		FramesOut: out.FramesOut,
		BytesOut:  out.BytesOut,
		Skipped:   sum(skipped),
		SkippedBy: skipped,
	}
}

func (w *serving) frames() uint64 { return w.count.Load() }
