package sender

import (
	"strings"
	"testing"
	"time"
)

// A feed hands an overload what a receiver reports, twenty times a second.
type feed struct {
	o   overload
	id  uint32
	now time.Time
}

// report reports one frame in so many bytes, whole or not, of 100 segments of which so many are lost.
func (f *feed) report(queueing time.Duration, bytes, lost, delivered uint32) {
	f.now = f.now.Add(50 * time.Millisecond)
	f.id++
	f.o.begin(f.id, 100_000, f.now)
	f.o.report(change{
		took: 50 * time.Millisecond, expected: 100, lost: lost, bursts: lost, delivered: delivered, bytes: bytes,
		queueing: queueing, previousID: f.id - 1, newestID: f.id,
	}, f.now)
}

// TestOverloadIsNoticed holds which signs are taken for an overload, and at which report.
func TestOverloadIsNoticed(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name      string
		queueing  func(i int) time.Duration
		lost      uint32
		delivered uint32
		noticed   int // 0 if never
	}{
		{"nothing", func(int) time.Duration { return 0 }, 0, 1, 0},
		{"a queue that grows", func(i int) time.Duration { return time.Duration(i) * 10 * ms }, 0, 1, 7},
		{"a queue that grows slowly", func(i int) time.Duration { return time.Duration(i) * ms }, 0, 1, 35},
		{"a full queue", func(int) time.Duration { return 60 * ms }, 30, 0, 5},
		{"a path that became longer", func(int) time.Duration { return 60 * ms }, 0, 1, 0},
		{"a stall", func(i int) time.Duration { return max(0, 200*ms-time.Duration(i)*20*ms) }, 0, 1, 0},
		{"loss that is repaired", func(int) time.Duration { return 0 }, 30, 1, 0},
		{"loss that is not, without a queue", func(int) time.Duration { return 0 }, 30, 0, 13},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := feed{now: epoch}
			noticed := 0
			for i := 1; i <= 40 && noticed == 0; i++ {
				f.report(c.queueing(i), 100_000, c.lost, c.delivered)
				if f.o.rate > 0 {
					noticed = i
				}
			}
			if noticed != c.noticed {
				t.Errorf("noticed at report %d, want %d", noticed, c.noticed)
			}
			if r := f.o.rate; noticed > 0 && (r < 1.9e6 || r > 2e6) {
				t.Errorf("limited to %.0f bytes/s, want a little less than the 2 million that come", r)
			}
		})
	}
}

// TestTrial has sending less cure the loss, and not.
func TestTrial(t *testing.T) {
	for _, cures := range []bool{true, false} {
		f := feed{now: epoch}
		for f.o.rate == 0 {
			f.report(0, 100_000, 30, 0)
		}
		for i := range 40 {
			if cures {
				f.report(0, 97_000, 0, 1)
			} else {
				f.report(0, 97_000, 30, 0)
			}
			if i == 10 && f.o.rate == 0 {
				t.Errorf("cures %v: the trial was over after half a second", cures)
			}
		}
		if limited := f.o.rate > 0; limited != cures {
			t.Errorf("cures %v: limited %v", cures, limited)
		}
		if !cures && !f.o.trial.barred.After(f.now) {
			t.Error("the next trial may begin at once")
		}
		f.now = f.now.Add(10 * time.Second)
		f.o.admit(time.Second/30, f.now)
		if f.o.rate > 0 || f.o.gentle(f.now) != cures {
			t.Errorf("cures %v: at the end limited to %v, gentle %v", cures, f.o.rate, f.o.gentle(f.now))
		}
	}
}

// TestOverloadSkipsEvenly holds how frames are skipped on a path that carries two thirds.
func TestOverloadSkipsEvenly(t *testing.T) {
	o := overload{rate: 2e6, at: epoch, trouble: epoch}
	pattern, run := "", 0
	for i := range 60 {
		now := epoch.Add(time.Duration(i) * time.Second / 30)
		o.trouble, o.skipped = now, now // no probing, no end
		if o.admit(time.Second/30, now) {
			o.begin(uint32(i), 100_000, now)
			pattern += "S"
			run = 0
		} else {
			pattern += "-"
			if run++; run > 1 {
				t.Fatalf("two frames in a row skipped: %s", pattern)
			}
		}
	}
	if n := strings.Count(pattern, "S"); n < 40 || n > 43 {
		t.Errorf("%d of 60 frames sent, want about 40: %s", n, pattern)
	}
}
