package path

import (
	"math"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestParityFor(t *testing.T) {
	for _, c := range []struct {
		k        int
		q, burst float64
		want     int
	}{
		{56, 0, 1, 1}, {56, 0.001, 1, 1}, {56, 0.01, 1, 3}, {56, 0.05, 1, 9}, {56, 0.1, 1, 15}, {56, 0.2, 1, 28}, {56, 1, 1, 28},
		{56, 0.01, 5, 8}, {56, 0.05, 5, 22},
		{1, 0, 1, 1}, {1, 0.5, 1, 1}, {3, 0.1, 1, 1}, {11, 0.05, 1, 4}, {192, 0.05, 1, 21},
	} {
		if got := parityFor(c.k, c.q, c.burst); got != c.want {
			t.Errorf("%d segments, loss %v in bursts of %v: %d of parity, want %d", c.k, c.q, c.burst, got, c.want)
		}
	}
}

// TestParityForIsEnough computes how many frames need an answer, by the binomial distribution.
func TestParityForIsEnough(t *testing.T) {
	for _, q := range []float64{0.005, 0.01, 0.02, 0.05, 0.1, 0.15} {
		n := 56 + parityFor(56, q, 1)
		chance, more := math.Pow(1-q, float64(n)), 1.0
		for lost := 0; lost <= n-56; lost++ {
			more -= chance
			chance *= float64(n-lost) / float64(lost+1) * q / (1 - q)
		}
		if more > 0.01 {
			t.Errorf("loss %v: %d of parity leave %.2f%% of frames to be asked for", q, n-56, 100*more)
		}
	}
}

// TestLosses begins with the guess. Then the path loses nothing, then a twentieth, then nothing again.
func TestLosses(t *testing.T) {
	l, now := guessed(), epoch
	report := func(d time.Duration, lost int) int {
		for range d / (50 * time.Millisecond) {
			now = now.Add(50 * time.Millisecond)
			l.add(100, lost, lost, now)
		}
		return l.parity(56, 1)
	}
	if got := l.parity(56, 1); got != 6 {
		t.Errorf("at first: %d, want 6", got)
	}
	if got := report(2*time.Second, 0); got != 1 {
		t.Errorf("after 2 s without loss: %d, want 1", got)
	}
	if got := report(time.Second, 5); got < 7 || got > 10 {
		t.Errorf("after 1 s with 5%%: %d, want about 9", got)
	}
	if got := report(2*time.Second, 0); got < 3 {
		t.Errorf("2 s after it: %d, want it remembered", got)
	}
	if got := report(20*time.Second, 0); got != 1 {
		t.Errorf("20 s after it: %d, want 1", got)
	}
	if one, four := parityFor(56, 0.05, 4), l.parity(56, 4); four > one {
		t.Errorf("over four blocks: %d", four)
	}
	report(time.Second, 10)
	l.recover(1 << 20)
	if got := l.parity(56, 1); got != 1 {
		t.Errorf("after all that was lost has come late: %d, want 1", got)
	}
}
