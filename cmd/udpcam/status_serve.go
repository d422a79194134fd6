package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"udpcam/protocol"
	"udpcam/sender/source"
)

// A serveStatus is the status of serve. Counts are since the start; rates are the last second's.
type serveStatus struct {
	Time time.Time `json:"time"`
	rate
	Frames     uint64            `json:"frames"`      // that the source brought
	FrameBytes uint64            `json:"frame_bytes"` // in them
	Capturing  bool              `json:"capturing"`   // whether the source is open
	Viewers    int               `json:"viewers"`
	FramesOut  uint64            `json:"frames_out"` // shown, to all viewers together
	BytesOut   uint64            `json:"bytes_out"`  // in them
	Skipped    uint64            `json:"skipped"`    // what the source brought that was no picture
	SkippedBy  map[string]uint64 `json:"skipped_by"` // the same by reason
}

// line implements status.
func (s serveStatus) line() string {
	if !s.Capturing {
		return "waiting for a viewer"
	}
	parts := []string{s.rate.String(), count(s.Frames, "frame"), count(s.Viewers, "viewer")}
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	return strings.Join(parts, "  ")
}

// A serveReport makes a serveStatus once a second.
type serveReport struct {
	server  *server
	skipped *tally
	log     *slog.Logger

	brought, bytes atomic.Uint64 // frames, and bytes in them
	capturing      atomic.Bool
	speed          meter
	skipping       complaint
}

func newServeReport(s *session, server *server, skipped *tally) *serveReport {
	return &serveReport{
		server: server, skipped: skipped, log: s.log,
		speed:    meter{at: s.began},
		skipping: complaint{message: skipMessage, key: "reason"},
	}
}

// open opens a source and yields its frames as those of a stream, counted.
func (r *serveReport) open(src source.Source, stream string) frames {
	return func(ctx context.Context) iter.Seq2[protocol.Frame, error] {
		return func(yield func(protocol.Frame, error) bool) {
			r.capturing.Store(true)
			defer r.capturing.Store(false)
			for f, err := range src.Frames(ctx) {
				if err == nil {
					f.Stream, f.ID = stream, uint32(r.brought.Add(1)-1)
					r.bytes.Add(uint64(len(f.JPEG)))
				}
				if !yield(f, err) {
					return
				}
			}
		}
	}
}

// sample implements reporter.
func (r *serveReport) sample(now time.Time) status {
	out, skipped := r.server.Stats(), r.skipped.totals()
	r.skipping.log(r.log, skipped)
	s := serveStatus{
		Time:       now,
		Frames:     r.brought.Load(),
		FrameBytes: r.bytes.Load(),
		Capturing:  r.capturing.Load(),
		Viewers:    out.Viewers,
		FramesOut:  out.FramesOut,
		BytesOut:   out.BytesOut,
		Skipped:    sum(skipped),
		SkippedBy:  skipped,
	}
	s.rate = r.speed.read(s.Frames, s.FrameBytes, now)
	return s
}

// summary implements reporter.
func (r *serveReport) summary(took time.Duration) {
	out := r.server.Stats()
	r.log.Info("served", "frames", r.brought.Load(), "bytes", r.bytes.Load(), "frames_out", out.FramesOut,
		"bytes_out", out.BytesOut, counted("skipped", r.skipped.totals()), "seconds", round(took.Seconds(), 1))
}

// frames implements reporter.
func (r *serveReport) frames() uint64 { return r.brought.Load() }
