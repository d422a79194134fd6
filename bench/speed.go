package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"udpcam/receiver"
	"udpcam/sender"
)

// A SpeedTest finds the highest sustained frame rate from a sender to a receiver in this process, on loopback, and its cost. It
// measures every combination of its lists.
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

// Measure implements Measurement.
func (t SpeedTest) Measure(ctx context.Context, results *Results, progress Progress) error {
	all := len(t.FrameSizes) * len(t.Segments) * len(t.GSO) * len(t.GRO)
	for _, size := range t.FrameSizes {
		for _, segment := range t.Segments {
			for _, gso := range t.GSO {
				for _, gro := range t.GRO {
					progress(len(results.Rows), all, fmt.Sprintf("%d-byte segments, GSO %s, GRO %s", segment, onOff(gso), onOff(gro)))
					row, err := speedCase{size, segment, gso, gro, t.Trial}.search(ctx)
					if err != nil {
						return err
					}
					results.Rows = append(results.Rows, row)
				}
			}
		}
	}
	return nil
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
	top, err := c.try(ctx, math.Inf(1))
	if err != nil {
		return row, err
	}
	best := trial{}
	low, high := 0.0, top.rate
	rate := high // first, because the sender may be the slower end
	for i := 0; i < steps && low < high; i++ {
		r, err := c.try(ctx, rate)
		if err != nil {
			return row, err
		}
		if r.delivered() >= sustains && r.rate >= keepsUp*rate {
			low, best = rate, r
		} else {
			high = rate
		}
		rate = (low + high) / 2
	}
	row = Row{Carrier: "udpcam", Link: "loopback", FrameBytes: c.size, Segment: c.segment, GSO: onOff(c.gso), GRO: onOff(c.gro)}
	row.Sustained = rounded(best.rate, 1)
	row.Mbit = rounded(best.rate*float64(c.size)*8/1e6, 1)
	row.delays(best.delays)
	if best.frames > 0 {
		row.Delivered = rounded(100*best.delivered(), 2)
		row.CPU = rounded(best.cpu.Seconds()/(float64(best.frames*c.size)/1e9), 3)
	}
	return row, ctx.Err()
}

// A trial is the outcome of one rate.
type trial struct {
	frames int
	rate   float64 // frames a second, as they were sent
	delays []time.Duration
	cpu    time.Duration
}

// delivered is the share of frames that arrived.
func (t trial) delivered() float64 { return float64(len(t.delays)) / float64(max(1, t.frames)) }

// warming is how many frames are sent first, so that the ends know each other.
const warming = 10

// coarseClock is the machine's clock. It waits less precisely than datagram.SystemClock, and uses less processor time. That
// would be counted here.
type coarseClock struct{}

func (coarseClock) Now() time.Time        { return time.Now() }
func (coarseClock) Sleep(d time.Duration) { time.Sleep(d) }

// try sends at a rate for a while. An infinite rate is as fast as it can.
func (c speedCase) try(ctx context.Context, rate float64) (result trial, err error) {
	quiet := slog.New(slog.DiscardHandler)
	r, err := receiver.Listen(ctx, receiver.Config{NoGRO: !c.gro, Log: quiet}, "127.0.0.1:0")
	if err != nil {
		return result, err
	}
	s, err := sender.Dial(ctx, sender.Config{SegmentSize: c.segment, NoGSO: !c.gso, Pace: sender.PaceOff, Log: quiet}, r.LocalAddr().String())
	if err != nil {
		r.Close()
		return result, err
	}
	k := &camera{clock: coarseClock{}, clip: newClip(c.size, 1), sender: s, receiver: r, warm: warming}
	k.begin()
	defer k.end()
	if err := k.send(ctx, 100, func(sent int) bool { return sent < warming }); err != nil {
		return result, err
	}
	start, began := time.Now(), cpuTime()
	if err := k.send(ctx, rate, func(int) bool { return time.Since(start) < c.trial }); err != nil {
		return result, err
	}
	took, used := time.Since(start), cpuTime()-began
	time.Sleep(200 * time.Millisecond) // time for frames that are being repaired
	if err := errors.Join(k.end(), ctx.Err()); err != nil {
		return result, err
	}
	frames := k.sent - warming
	return trial{frames, float64(frames) / took.Seconds(), k.delays, used}, nil
}
