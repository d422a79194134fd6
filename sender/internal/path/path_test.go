package path

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"udpcam/protocol"
)

const (
	ms       = time.Millisecond
	interval = time.Second / 30
	size     = 1436
)

// A world is a simulated path: a queue, a link of some bytes a second, and a radio. Frames leave as a Path plans. The Path
// gets a report of each.
type world struct {
	rate   float64       // bytes a second
	queue  time.Duration // how long a packet may wait
	delay  time.Duration
	loss   float64
	skew   time.Duration // by which the receiver's clock is ahead
	random *rand.Rand

	path   *Path
	now    time.Time
	free   time.Time // when the link has sent everything
	id     uint32
	states []state

	sent, skipped, dropped int
	longest                time.Duration // that a frame took from being offered
	later                  []pendingReport
}

type pendingReport struct {
	at     time.Time
	report protocol.Report
}

func newWorld() *world {
	return &world{rate: 1e9, queue: time.Second, delay: ms, random: rand.New(rand.NewPCG(1, 1)), path: New(), now: epoch}
}

// offer offers a frame of some datagrams, one interval after the last.
func (w *world) offer(datagrams int) {
	for len(w.later) > 0 && !w.later[0].at.After(w.now) {
		w.path.Report(w.later[0].report, w.later[0].at)
		w.later = w.later[1:]
	}
	due := w.now.Add(interval)
	defer func() { w.now = due }()
	plan := w.path.Plan(Offer{Bytes: datagrams * size, Blocks: 1, Segments: datagrams}, w.now)
	if n := len(w.states); n == 0 || w.states[n-1] != w.path.state {
		w.states = append(w.states, w.path.state)
	}
	if plan.Skip {
		w.skipped++
		return
	}
	w.sent++
	began := w.now
	w.path.Begin(w.id, datagrams, size, plan.Rate, began)
	train := protocol.Train{FrameID: w.id}
	var first, last time.Time
	missing := false
	for i := range datagrams {
		leaves := began
		if plan.Rate > 0 {
			leaves = began.Add(seconds(float64(i*size) / plan.Rate))
		}
		w.now = leaves
		if w.free.Before(leaves) {
			w.free = leaves
		}
		lost := w.free.Sub(leaves) > w.queue
		if lost {
			w.dropped++
		} else {
			w.free = w.free.Add(seconds(size / w.rate))
			lost = w.random.Float64() < w.loss
		}
		if lost {
			if i < datagrams/2 {
				train.LostFirst++
			} else {
				train.LostSecond++
			}
			if !missing {
				train.Runs++
			}
			missing = true
			continue
		}
		missing = false
		last = w.free.Add(w.delay)
		if train.Came++; train.Came == 1 {
			first = last
		}
	}
	w.path.End(w.now)
	w.id++
	train.First, train.Took = first.Add(w.skew), last.Sub(first)
	train.Span = train.Took
	w.longest = max(w.longest, last.Sub(began))
	at := last.Add(w.delay)
	if train.Came == 0 {
		at = w.now.Add(2 * interval)
	}
	w.later = append(w.later, pendingReport{at, protocol.Report{Largest: size, Trains: []protocol.Train{train}}})
}

func (w *world) run(frames, datagrams int) {
	w.sent, w.skipped, w.dropped, w.longest = 0, 0, 0, 0
	for range frames {
		w.offer(datagrams)
	}
}

// TestStates makes a path wide, narrow, wide again, and then gives it a queue that is too short.
func TestStates(t *testing.T) {
	w := newWorld()
	w.run(30, 57)
	if w.path.state != free || w.skipped > 0 {
		t.Errorf("wide: %v, %d skipped", w.path.state, w.skipped)
	}
	w.rate = 10e6 / 8
	w.run(10, 57)
	w.run(60, 57)
	if w.path.state != limited || w.skipped < 28 || w.skipped > 32 || w.longest > 100*ms {
		t.Errorf("10 Mbit/s: %v, %d of 60 skipped, at most %v", w.path.state, w.skipped, w.longest)
	}
	if mbit := w.path.Rate() * 8 / 1e6; mbit < 9.5 || mbit > 10.5 {
		t.Errorf("10 Mbit/s: thought to be %.1f", mbit)
	}
	w.rate = 1e9
	w.run(30, 57)
	if w.path.state != free || w.path.Rate() != 0 {
		t.Errorf("wide again: %v", w.path.state)
	}
	w.rate, w.queue = 100e6/8, 2*ms
	w.run(15, 57)
	w.run(60, 57)
	if w.path.state != limited || w.dropped > 0 || w.skipped > 0 || w.longest > 10*ms {
		t.Errorf("short queue: %v, %d dropped, %d skipped, at most %v", w.path.state, w.dropped, w.skipped, w.longest)
	}
	if fmt.Sprint(w.states) != "[free limited probing free limited]" {
		t.Errorf("it went through %v", w.states)
	}
}

// TestRadio checks that loss does not slow the sender down, at any rate.
func TestRadio(t *testing.T) {
	for _, loss := range []float64{0.01, 0.05, 0.2, 0.5} {
		w := newWorld()
		w.loss = loss
		w.run(3000, 57)
		if w.skipped > 0 || w.longest > 5*ms || w.path.state != free {
			t.Errorf("%v loss: %v, %d frames skipped, at most %v", loss, w.path.state, w.skipped, w.longest)
		}
		if got := w.path.Loss(); got < loss*0.6 || got > loss*1.4 {
			t.Errorf("%v loss: measured as %v", loss, got)
		}
	}
}

// TestSmallFrames sends frames of one datagram over a path that carries half of them. One such frame alone shows no rate.
func TestSmallFrames(t *testing.T) {
	w := newWorld()
	w.rate, w.queue = 15*size, time.Second
	w.run(90, 1)
	w.run(300, 1)
	if w.skipped < 140 || w.skipped > 160 || w.longest > 200*ms {
		t.Errorf("%d of 300 skipped, at most %v", w.skipped, w.longest)
	}
}

// TestClocks sets the receiver's clock forwards and backwards while the path is overloaded. This may disturb for a while,
// but frames must go on.
func TestClocks(t *testing.T) {
	w := newWorld()
	w.rate = 10e6 / 8
	w.run(60, 57)
	for _, skew := range []time.Duration{time.Hour, -time.Hour, time.Second, 0} {
		w.skew = skew
		w.run(90, 57)
		if w.sent < 20 || w.longest > 250*ms {
			t.Errorf("clock set to %v: %d of 90 frames sent, at most %v", skew, w.sent, w.longest)
		}
	}
}

// TestSilence stops all reports.
func TestSilence(t *testing.T) {
	w := newWorld()
	w.rate = 10e6 / 8
	w.run(60, 57)
	for range 90 {
		w.later = nil
		w.offer(57)
	}
	if w.skipped < 40 || w.sent < 60 {
		t.Errorf("%d sent, %d skipped", w.sent, w.skipped)
	}
}

// TestNonsense gives a path reports that no receiver would send.
func TestNonsense(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := newWorld()
	w.run(30, 57)
	for i := range 10_000 {
		report := protocol.Report{Late: r.IntN(256)}
		for range r.IntN(protocol.MaxTrains + 1) {
			report.Trains = append(report.Trains, protocol.Train{
				FrameID: w.id - uint32(r.IntN(4)), Came: r.IntN(1 << 16), LostFirst: r.IntN(1 << 16), LostSecond: r.IntN(1 << 16), Runs: r.IntN(1 << 16),
				First: w.now.Add(time.Duration(r.Int64() >> r.IntN(63))), Took: time.Duration(r.Int64() >> r.IntN(63)), Span: time.Duration(r.Int64() >> r.IntN(63)),
			})
		}
		w.path.Report(report, w.now)
		plan := w.path.Plan(Offer{Bytes: 57 * size, Blocks: 1, Segments: 56}, w.now)
		if plan.Parity < 0 || plan.Parity > 28 || plan.Rate < 0 || plan.Share <= 0 || plan.Share > 1 || w.path.Spare(w.now) < 0 {
			t.Fatalf("after %d reports: %+v", i+1, plan)
		}
		if i%3 == 0 {
			w.later = nil
			w.offer(57)
		}
	}
	if w.run(60, 57); w.sent < 2 {
		t.Error("nothing is sent any more")
	}
}
