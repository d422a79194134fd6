package sender_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// ipHeaders is what IPv4 and UDP add to each datagram, in bytes.
const ipHeaders = 28

// A result is the outcome of a show.
type result struct {
	sender.Stats
	delivered int
	overhead  float64         // bytes on the wire, IP and UDP headers included, over bytes of frames
	delays    []time.Duration // from capture, ascending
	link      netsim.Stats
}

func (r result) delay(quantile float64) time.Duration {
	if len(r.delays) == 0 {
		return 0
	}
	return r.delays[int(quantile*float64(len(r.delays)-1))]
}

func (r result) String() string {
	return fmt.Sprintf("%d sent, %d skipped, %d delivered, wire/payload %.3f, delay %v/%v/%v, %d parity, %d requests, %d answers, refused %v",
		r.Frames, r.Skipped, r.delivered, r.overhead, r.delay(0.5), r.delay(0.99), r.delay(1), r.Parity, r.Requests, r.Answered,
		r.RefusedFeedback)
}

// play sends some frames over a path and returns the result.
func play(t *testing.T, p netsim.Path, c sender.Config, frames, size int, fps float64) (r result) {
	s := newShow(t, p, c)
	s.send(t, frames, size, fps)
	s.close()
	return s.result()
}

func (s *show) result() (r result) {
	r.Stats, r.link = s.sender.Stats(), s.network.Stats()
	for _, d := range s.watcher.delays {
		r.delays = append(r.delays, d)
	}
	slices.Sort(r.delays)
	r.delivered = len(r.delays)
	r.overhead = float64(r.WireBytes+ipHeaders*r.Datagrams) / float64(r.FrameBytes)
	return r
}

// TestLoss checks what adaptive parity and answers cost and achieve on networks that lose datagrams. The sender must not
// take the losses for an overload.
func TestLoss(t *testing.T) {
	for _, c := range []struct {
		name      string
		path      netsim.Path
		config    sender.Config
		delivered float64 // share, at least
		overhead  float64 // at most
		p99       time.Duration
	}{
		{"0%", netsim.Path{Delay: ms}, sender.Config{}, 1, 1.07, 1 * ms},
		{"1%", netsim.Path{Delay: ms, Loss: 0.01}, sender.Config{}, 1, 1.13, 3 * ms},
		{"5%", netsim.Path{Delay: ms, Loss: 0.05}, sender.Config{}, 0.999, 1.27, 6 * ms},
		{"10%", netsim.Path{Delay: ms, Loss: 0.1}, sender.Config{}, 0.995, 1.45, 12 * ms},
		{"20%", netsim.Path{Delay: ms, Loss: 0.2}, sender.Config{}, 0.99, 1.65, 100 * ms},
		{"20%, far", netsim.Path{Delay: 30 * ms, Loss: 0.2}, sender.Config{}, 0.98, 1.65, 250 * ms},
		{"bursts", netsim.Path{Delay: 2 * ms, Jitter: ms, Burst: netsim.Burst{Enter: 0.01, Leave: 0.2}}, sender.Config{}, 0.995, 1.5, 50 * ms},
		{"jitter", netsim.Path{Delay: 2 * ms, Jitter: 40 * ms, Loss: 0.02}, sender.Config{}, 0.99, 1.25, 60 * ms},
		{"5%, 20% parity", netsim.Path{Delay: ms, Loss: 0.05}, sender.Config{FEC: sender.FECShare(0.2)}, 0.999, 1.3, 6 * ms},
		{"5%, no parity", netsim.Path{Delay: ms, Loss: 0.05}, sender.Config{FEC: sender.FECOff}, 0.99, 1.12, 30 * ms},
		{"0%, one-way", netsim.Path{Delay: ms}, sender.Config{OneWay: true}, 1, 1.17, 1 * ms},
		{"0%, no parity", netsim.Path{Delay: ms}, sender.Config{FEC: sender.FECOff}, 1, 1.05, 1 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := play(t, c.path, c.config, 200, 78_200, 30)
				t.Log(r)
				if r.Skipped > 0 || float64(r.delivered) < c.delivered*200 || r.overhead > c.overhead || r.delay(0.99) > c.p99+ms/10 {
					t.Errorf("want no frame skipped, %.1f%% delivered, wire/payload %.2f, 99th percentile %v", 100*c.delivered, c.overhead, c.p99)
				}
			})
		})
	}
}

// TestOverload sends more than a path carries. About as much must arrive as fits, with little more delay than it needs.
func TestOverload(t *testing.T) {
	for i, c := range []struct {
		name         string
		path         netsim.Path
		frames, size int
		fps          float64
		delivered    float64 // share, at least
		fits         float64 // share that fits the path
		typical, p99 time.Duration
	}{
		{"15 Mbit/s, 200 frames", netsim.Path{Delay: ms, Rate: 15e6, Queue: 126_000}, 200, 78_200, 30, 0.7, 0.755, 70 * ms, 200 * ms},
		{"15 Mbit/s", netsim.Path{Delay: ms, Rate: 15e6, Queue: 126_000}, 1000, 78_200, 30, 0.73, 0.755, 70 * ms, 150 * ms},
		{"15 Mbit/s, far", netsim.Path{Delay: 30 * ms, Rate: 15e6, Queue: 126_000}, 600, 78_200, 30, 0.7, 0.755, 110 * ms, 250 * ms},
		{"15 Mbit/s, long queue", netsim.Path{Delay: ms, Rate: 15e6, Queue: 2_000_000}, 400, 78_200, 30, 0.73, 0.755, 70 * ms, 200 * ms},
		{"15 Mbit/s, short queue", netsim.Path{Delay: ms, Rate: 15e6, Queue: 64_000}, 400, 78_200, 30, 0.5, 0.755, 80 * ms, 150 * ms},
		{"15 Mbit/s, 5% loss", netsim.Path{Delay: ms, Rate: 15e6, Queue: 126_000, Loss: 0.05}, 400, 78_200, 30, 0.6, 0.65, 80 * ms, 200 * ms},
		{"15 Mbit/s, 120 fps", netsim.Path{Delay: ms, Rate: 15e6, Queue: 126_000}, 1200, 20_000, 120, 0.66, 0.7, 50 * ms, 150 * ms},
		{"5 Mbit/s", netsim.Path{Delay: ms, Rate: 5e6, Queue: 100_000}, 400, 78_200, 30, 0.23, 0.252, 200 * ms, 400 * ms},
		{"100 Mbit/s, short queue", netsim.Path{Delay: ms, Rate: 100e6, Queue: 128 << 10}, 400, 500_000, 30, 0.3, 0.79, 80 * ms, 150 * ms},
		{"100 Mbit/s that fit if spread", netsim.Path{Delay: ms, Rate: 100e6, Queue: 128 << 10}, 900, 330_000, 30, 0.95, 1, 40 * ms, 70 * ms},
	} {
		if testing.Short() && i > 0 {
			break // one is enough for the race detector
		}
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := play(t, c.path, sender.Config{}, c.frames, c.size, c.fps)
				t.Log(r)
				share := float64(r.delivered) / float64(c.frames)
				if share < c.delivered || r.delay(0.5) > c.typical || r.delay(0.99) > c.p99 {
					t.Errorf("%.1f%% delivered, want at least %.1f%% of %.1f%% that fit, half within %v and all but 1%% within %v",
						100*share, 100*c.delivered, 100*c.fits, c.typical, c.p99)
				}
			})
		})
	}
}

// TestRecovery makes a path narrow, wide and narrow again while frames are sent.
func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wide := netsim.Path{Delay: time.Millisecond}
		narrow := netsim.Path{Delay: time.Millisecond, Rate: 10e6, Queue: 126_000}
		s := newShow(t, wide, sender.Config{})
		skipped := func(seconds int) uint64 {
			before := s.sender.Stats().Skipped
			s.send(t, 30*seconds, 78_200, 30)
			return s.sender.Stats().Skipped - before
		}
		if n := skipped(5); n != 0 || s.sender.Pressure() != 1 {
			t.Errorf("wide: %d frames skipped, pressure %v", n, s.sender.Pressure())
		}
		s.network.SetPath(camera, viewer, narrow)
		if n := skipped(10); n < 120 || n > 180 {
			t.Errorf("narrow: %d of 300 frames skipped, want about half", n)
		}
		if p := s.sender.Pressure(); p < 0.4 || p > 0.65 {
			t.Errorf("narrow: pressure %v, want about a half", p)
		}
		if d := s.sender.Destinations()[0]; d.Limit < 8e6 || d.Limit > 12e6 {
			t.Errorf("narrow: a limit of %v bit/s, want about 10 million", d.Limit)
		}
		s.network.SetPath(camera, viewer, wide)
		skipped(10)
		if n := skipped(10); n != 0 || s.sender.Pressure() != 1 {
			t.Errorf("wide again: %d frames skipped, pressure %v", n, s.sender.Pressure())
		}
		s.close()
	})
}

// TestChangesThatAreNoOverload makes a path longer, makes it stall, and makes it lose much. Sending less helps against none
// of these.
func TestChangesThatAreNoOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShow(t, netsim.Path{Delay: 2 * time.Millisecond}, sender.Config{})
		for _, p := range []netsim.Path{
			{Delay: 2 * time.Millisecond},
			{Delay: 50 * time.Millisecond},
			{Delay: 2 * time.Millisecond, Loss: 0.15},
			{Delay: 80 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: 0.1},
			{Delay: 2 * time.Millisecond},
		} {
			s.network.SetPath(camera, viewer, p)
			s.send(t, 150, 78_200, 30)
			if st := s.sender.Stats(); st.Skipped > 0 {
				t.Fatalf("over %+v %d frames were skipped", p, st.Skipped)
			}
		}
		s.close()
		if r := s.result(); r.delivered < 740 {
			t.Errorf("%d of 750 frames delivered", r.delivered)
		}
	})
}

// TestSlowSourceIsNoOverload has a source that delays each frame more than the one before, for a second and a half. The path
// is not the cause, so skipping frames would not help.
func TestSlowSourceIsNoOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShow(t, netsim.Path{Delay: 2 * time.Millisecond}, sender.Config{})
		s.send(t, 90, 78_200, 30)
		jpeg := picture(78_200, 1)
		for i := range 90 {
			time.Sleep(time.Second / 30)
			late := time.Duration(min(i, 45)) * 5 * time.Millisecond
			if _, err := s.sender.Send(protocol.Frame{Captured: time.Now().Add(-late), JPEG: jpeg}); err != nil {
				t.Fatal(err)
			}
		}
		s.close()
		if r := s.result(); r.Skipped > 0 || r.delivered < 180 {
			t.Error(r)
		}
	})
}
