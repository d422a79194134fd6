package sender

import (
	"testing"
	"time"

	"udpcam/protocol"
	"udpcam/sender/internal/path"
)

// leave returns how long a frame of some datagrams of 1436 bytes takes to leave, and the most bytes that leave at once. Each
// pause takes longer than it should.
func leave(d departure, n int, oversleep time.Duration) (took time.Duration, most int) {
	now := d.next
	datagrams := make([]protocol.Datagram, n)
	for i := range datagrams {
		datagrams[i] = protocol.Datagram{make([]byte, 28), make([]byte, 1408)}
	}
	for len(datagrams) > 0 {
		n := d.release(datagrams, now)
		if n == 0 {
			now = d.next.Add(oversleep)
			continue
		}
		most = max(most, size(datagrams[:n]))
		datagrams = datagrams[n:]
	}
	return now.Sub(epoch), most
}

var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// TestPace checks how long frames take to leave and how much leaves at once, for values of --pace and rates of the path.
func TestPace(t *testing.T) {
	const (
		interval = time.Second / 30
		tenth    = time.Millisecond / 10
	)
	free := path.Plan{Interval: interval}
	limited := func(bits float64) path.Plan { return path.Plan{Interval: interval, Rate: bits / 8} }
	for _, c := range []struct {
		name     string
		pace     Pace
		plan     path.Plan
		n        int // datagrams
		oversees time.Duration
		took     time.Duration // about
		most     int           // bytes at once, at most; 0: all of them
	}{
		{"a free path", Pace{}, free, 1461, 0, 0, 0},
		{"15 Mbit/s", Pace{}, limited(15e6), 57, 0, 39200 * time.Microsecond, 10_000},
		{"100 Mbit/s", Pace{}, limited(100e6), 85, 0, 9100 * time.Microsecond, 10_000},
		{"100 Mbit/s, slow timers", Pace{}, limited(100e6), 85, tenth, 9300 * time.Microsecond, 12_000},
		{"1 Gbit/s", Pace{}, limited(1e9), 181, 0, 1830 * time.Microsecond, 33_000},
		{"1 Gbit/s, slow timers", Pace{}, limited(1e9), 181, tenth, 1900 * time.Microsecond, 46_000},
		{"off", PaceOff, limited(15e6), 57, 0, 0, 0},
		{"a quarter of the interval", PaceShare(0.25), free, 57, 0, interval / 4, 10_000},
		{"all of it, on a faster path", PaceShare(1), limited(100e6), 57, 0, interval, 10_000},
		{"a quarter of it, on a slower path", PaceShare(0.25), limited(40e6), 57, 0, 15800 * time.Microsecond, 10_000},
		{"80 Mbit/s", PaceRate(80e6), free, 57, 0, 7200 * time.Microsecond, 10_000},
		{"1 Mbit/s", PaceRate(1e6), free, 10, 0, 57 * time.Millisecond, 10_000},
	} {
		d := departure{rate: c.pace.rateOf(c.n*1436, c.plan), next: epoch}
		took, most := leave(d, c.n, c.oversees)
		if (took-c.took).Abs() > c.took/8 || c.most > 0 && most > c.most || c.most == 0 && most != c.n*1436 {
			t.Errorf("%s: took %v with %d bytes at once, want about %v and at most %d", c.name, took, most, c.took, c.most)
		}
	}
}

// TestPaceMakesUpForPauses has a busy machine. After short delays the average rate must be right, after long ones not.
func TestPaceMakesUpForPauses(t *testing.T) {
	datagrams := make([]protocol.Datagram, 100)
	for i := range datagrams {
		datagrams[i] = protocol.Datagram{make([]byte, 1000), nil}
	}
	d := departure{rate: 1e6, next: epoch} // a kilobyte a millisecond
	if n := d.release(datagrams, epoch); n != 8 {
		t.Errorf("%d datagrams left at first, want a burst of 8", n)
	}
	if n := d.release(datagrams, epoch.Add(28*time.Millisecond)); n != 28 {
		t.Errorf("%d left 20 ms late, want 28", n)
	}
	if n := d.release(datagrams, epoch.Add(time.Second)); n != 8 {
		t.Errorf("%d left a second late, want a burst of 8", n)
	}
}

// A bound holds on a free path, in bursts of a millisecond. A path that is slower counts as slow, and leads to short bursts.
func TestPaceAtMost(t *testing.T) {
	const most = 250e6 // bits a second
	free, narrow := path.Plan{}, path.Plan{Rate: 15e6 / 8}
	for _, c := range []struct {
		plan  path.Plan
		rate  float64 // bits a second
		burst int     // bytes at once, at most
		slow  bool
	}{
		{free, most, most / 8 / 1000, false},
		{path.Plan{Rate: 1e9 / 8}, most, most / 8 / 1000, false},
		{narrow, 15e6, minBurst, true},
	} {
		const n = 57
		d := PaceAtMost(most).departure(n*1436, c.plan, epoch)
		took, at := leave(d, n, 0)
		least := time.Duration((n*1436 - float64(c.burst)) * 8 / c.rate * float64(time.Second))
		if d.slow != c.slow || at > c.burst || took < least-time.Millisecond {
			t.Errorf("%+v: slow %v, %d bytes at once, %v in all; want at most %d and at least %v", c.plan, d.slow, at, took, c.burst, least)
		}
	}
}
