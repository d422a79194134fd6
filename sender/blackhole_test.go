package sender

import (
	"testing"
	"time"

	"udpcam/protocol"
)

// TestBlackHoleNeedsAWitness has reports of small datagrams only, from a receiver that follows the stream, and from one that
// is overwhelmed and forgets it again and again. A third receiver also gets some large datagrams.
func TestBlackHoleNeedsAWitness(t *testing.T) {
	for name, c := range map[string]struct {
		age     func(after time.Duration) time.Duration
		largest func(i int) int
		want    bool
	}{
		"nothing large comes":     {func(d time.Duration) time.Duration { return d }, func(int) int { return 76 }, true},
		"it forgets":              {func(d time.Duration) time.Duration { return min(d, 200*time.Millisecond) }, func(int) int { return 76 }, false},
		"some large ones come":    {func(d time.Duration) time.Duration { return d }, func(i int) int { return 76 + i%2*1360 }, false},
		"nothing comes at all":    {func(d time.Duration) time.Duration { return d }, func(int) int { return 0 }, false},
		"a receiver from earlier": {func(d time.Duration) time.Duration { return d + time.Hour }, func(int) int { return 76 }, true},
	} {
		var b blackHole
		got := false
		for i := range 20 {
			after := time.Duration(i+1) * 200 * time.Millisecond
			b.sent(1436)
			got = got || b.learn(protocol.Report{Largest: c.largest(i), Age: c.age(after)}, epoch.Add(after))
		}
		if got != c.want {
			t.Errorf("%s: taken for a black hole: %v", name, got)
		}
	}
}
