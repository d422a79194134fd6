package bench

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// A SpeedTest is what Speed measures: every combination of its lists, on loopback.
type SpeedTest struct {
	FrameSizes []int // bytes
	Segments   []int // bytes of a frame in a datagram
	GSO, GRO   []bool
	Trial      time.Duration // how long each rate is tried
}

const (
	// A rate is sustained if this share of frames arrives, and the sender reaches this share of the rate.
	sustains = 0.999
	keepsUp  = 0.98

	// steps is how often the search halves its interval.
	steps = 6
)

// Speed finds the highest sustained frame rate from a sender to a receiver in this process, and its cost.
func Speed(ctx context.Context, t SpeedTest, progress Progress) (rows []Row, err error) {
	all := len(t.FrameSizes) * len(t.Segments) * len(t.GSO) * len(t.GRO)
	for _, size := range t.FrameSizes {
		for _, segment := range t.Segments {
			for _, gso := range t.GSO {
				for _, gro := range t.GRO {
					progress(len(rows), all, fmt.Sprintf("%d-byte segments, GSO %s, GRO %s", segment, onOff(gso), onOff(gro)))
					row, err := speedCase{size, segment, gso, gro, t.Trial}.search(ctx)
					if err != nil {
						return nil, err
					}
					rows = append(rows, row)
				}
			}
		}
	}
	return rows, nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// A speedCase is one combination.
type speedCase struct {
	size, segment int
	gso, gro      bool
	trial         time.Duration
}

// search finds the highest rate by bisection, between 0 and what the sender alone can make.
func (c speedCase) search(ctx context.Context) (row Row, err error) {
	top, err := c.try(ctx, 0)
	if err != nil {
		return row, err
	}
	best := trialResult{}
	low, high := 0.0, top.rate
	for i := 0; i < steps && ctx.Err() == nil; i++ {
		rate := high // the sender may be the slower end
		if i > 0 {
			rate = (low + high) / 2
		}
		r, err := c.try(ctx, rate)
		switch {
		case err != nil:
			return row, err
		case r.delivered >= sustains && r.rate >= keepsUp*rate:
			low, best = rate, r
		default:
			high = rate
		}
		if low == high {
			break
		}
	}
	row = Row{Carrier: "udpcam", Link: "loopback", FrameBytes: c.size, Segment: c.segment, GSO: onOff(c.gso), GRO: onOff(c.gro)}
	row.Sustained = rounded(best.rate, 1)
	row.Mbit = rounded(best.rate*float64(c.size)*8/1e6, 1)
	row.delays(best.delays)
	if best.frames > 0 {
		row.Delivered = rounded(100*best.delivered, 2)
		row.CPU = rounded(best.cpu.Seconds()/(float64(best.frames*c.size)/1e9), 3)
	}
	return row, ctx.Err()
}

// A trialResult is the outcome of one rate.
type trialResult struct {
	frames    int
	rate      float64 // frames a second, as they were sent
	delivered float64 // share of frames
	delays    []time.Duration
	cpu       time.Duration
}

// try sends at a rate for a while, or as fast as it can if rate is 0.
func (c speedCase) try(ctx context.Context, rate float64) (result trialResult, err error) {
	quiet := slog.New(slog.DiscardHandler)
	r, err := receiver.Listen(ctx, receiver.Config{NoGRO: !c.gro, Log: quiet}, "127.0.0.1:0")
	if err != nil {
		return result, err
	}
	defer r.Close()
	s, err := sender.Dial(ctx, sender.Config{SegmentSize: c.segment, NoGSO: !c.gso, Pace: sender.PaceOff, Log: quiet}, r.LocalAddr().String())
	if err != nil {
		return result, err
	}
	defer s.Close()
	watching := make(chan error, 1)
	var first atomic.Int64 // when counting begins, in microseconds since 1970
	first.Store(math.MaxInt64)
	go func() {
		for f, err := range r.Frames(context.Background()) {
			if err != nil {
				watching <- err
				return
			}
			if f.Captured.UnixMicro() >= first.Load() {
				result.delays = append(result.delays, time.Since(f.Captured))
			}
		}
		watching <- nil
	}()
	// Making frames is not part of what is measured.
	film := newFilm(c.size, 1)
	var frames [64][]byte
	for i := range frames {
		frames[i] = film.frame(i)
	}
	send := func(count func(sent int, since time.Duration) bool, every time.Duration) (sent int, took time.Duration, err error) {
		start := time.Now()
		for count(sent, time.Since(start)) && ctx.Err() == nil {
			if every > 0 {
				if wait := time.Until(start.Add(time.Duration(sent) * every)); wait > 0 {
					time.Sleep(wait)
				}
			}
			if _, err := s.Send(protocol.Frame{Captured: time.Now(), JPEG: frames[sent%len(frames)]}); err != nil {
				return sent, 0, err
			}
			sent++
		}
		return sent, time.Since(start), ctx.Err()
	}
	every := time.Duration(0)
	if rate > 0 {
		every = time.Duration(float64(time.Second) / rate)
	}
	// A few frames first, so that the ends know each other.
	if _, _, err := send(func(sent int, _ time.Duration) bool { return sent < 10 }, 10*time.Millisecond); err != nil {
		return result, err
	}
	first.Store(time.Now().UnixMicro())
	began := cpuTime()
	sent, took, err := send(func(_ int, since time.Duration) bool { return since < c.trial }, every)
	if err != nil {
		return result, err
	}
	result.cpu = cpuTime() - began
	time.Sleep(200 * time.Millisecond) // for those that are being repaired
	r.Close()
	if err := <-watching; err != nil {
		return result, err
	}
	result.frames, result.rate = sent, float64(sent)/took.Seconds()
	result.delivered = float64(len(result.delays)) / float64(max(1, sent))
	return result, nil
}
