package sender

import (
	"testing"
	"time"

	"udpcam/protocol"
)

func TestParsePace(t *testing.T) {
	for in, want := range map[string]Pace{
		"":        {},
		"25%":     PaceShare(0.25),
		"100%":    PaceShare(1),
		"off":     PaceOff,
		"200":     PaceRate(200e6),
		"200mbit": PaceRate(200e6),
		"0.5Mbit": PaceRate(0.5e6),
	} {
		got, err := ParsePace(in)
		if err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", in, got, err, want)
		}
		if again, err := ParsePace(got.String()); err != nil || again.String() != got.String() {
			t.Errorf("%q is written as %q, which is %v, %v", in, got, again, err)
		}
	}
	for _, in := range []string{"0%", "101%", "-1", "0", "x", "200kbit", "1e9", "NaN", "mbit"} {
		if got, err := ParsePace(in); err == nil {
			t.Errorf("%q is %v, want an error", in, got)
		}
	}
}

// leave returns how long a frame of so many datagrams takes to leave, and the most bytes that leave at once.
func leave(d departure, data, parity int) (took time.Duration, most int) {
	now := epoch
	burst, at := 0, epoch
	for _, part := range []struct {
		n      int
		parity bool
	}{{data, false}, {parity, true}} {
		datagrams := make([]protocol.Datagram, part.n)
		for i := range datagrams {
			datagrams[i] = protocol.Datagram{make([]byte, 28), make([]byte, 1408)}
		}
		for len(datagrams) > 0 {
			n := d.take(datagrams, part.parity, now)
			if n == 0 {
				now = d.next
				continue
			}
			if !now.Equal(at) {
				burst, at = 0, now
			}
			burst += size(datagrams[:n])
			most = max(most, burst)
			datagrams = datagrams[n:]
		}
	}
	return now.Sub(epoch), most
}

func TestPace(t *testing.T) {
	const segment = 1408 + 28
	frame := time.Second / 30
	for _, c := range []struct {
		name         string
		pace         Pace
		data, parity int
		interval     time.Duration
		ceiling      float64
		took         time.Duration // at most
		most         int           // at most
	}{
		{"78 kB", Pace{}, 56, 1, frame, 0, 0, burstSize},
		{"78 kB, much parity", Pace{}, 56, 26, frame, 0, 0, burstSize * 5 / 4},
		{"250 kB", Pace{}, 178, 18, frame, 0, 2 * time.Millisecond, burstSize * 5 / 4},
		{"2 MB", Pace{}, 1421, 40, frame, 0, frame / 4, 240_000},
		{"250 kB at 120 fps", Pace{}, 178, 18, time.Second / 120, 0, 2 * time.Millisecond, burstSize * 5 / 4},
		{"250 kB as fast as may be", Pace{}, 178, 18, 10 * time.Microsecond, 0, 0, 1 << 20},
		{"off", PaceOff, 1421, 40, frame, 0, 0, 1461 * segment},
		{"all of the interval", PaceShare(1), 1421, 40, frame, 0, 22 * time.Millisecond, burstSize * 5 / 4},
		{"80 Mbit/s", PaceRate(80e6), 56, 1, frame, 0, 57*segment*100 + time.Millisecond, 10_000},
		{"1 Mbit/s", PaceRate(1e6), 10, 0, frame, 0, 10 * segment * 8 * time.Microsecond, segment},
		{"for a path of 20 Mbit/s", Pace{}, 56, 1, frame, 2.5e6, 57*segment*400 + time.Millisecond, spreadBurst},
		{"off for a path of 20 Mbit/s", PaceOff, 56, 1, frame, 2.5e6, 0, 57 * segment},
	} {
		d := c.pace.plan((c.data+c.parity)*segment, c.interval, c.ceiling, departure{})
		if took, most := leave(d, c.data, c.parity); took > c.took || most > c.most {
			t.Errorf("%s: took %v with %d bytes at once, want at most %v and %d", c.name, took, most, c.took, c.most)
		}
	}
}

// TestPaceRateHoldsAcrossFrames sends two frames at once.
func TestPaceRateHoldsAcrossFrames(t *testing.T) {
	p := PaceRate(8e6) // a kilobyte a millisecond
	datagrams := []protocol.Datagram{{make([]byte, 1000), nil}}
	first := p.plan(1000, time.Second, 0, departure{})
	if first.take(datagrams, false, epoch) != 1 {
		t.Fatal("the first frame did not leave")
	}
	second := p.plan(1000, time.Second, 0, first)
	if second.take(datagrams, false, epoch) != 0 || second.take(datagrams, false, epoch.Add(time.Millisecond)) != 1 {
		t.Error("the second frame did not leave a millisecond after the first")
	}
}
