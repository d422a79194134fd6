package sender_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol/netsim"
	"udpcam/sender"
)

// A leg is a part of a journey: so long over one path, and what must hold of the frames that are offered in it once it
// has settled.
type leg struct {
	path      netsim.Path
	lasts     time.Duration
	settles   time.Duration
	delivered float64 // share of what is offered, at least
	p50, p99  time.Duration
	dropped   bool // whether the queue may overflow
}

const ms = time.Millisecond

// TestJourneys sends frames over paths whose narrowest link and queue are of all kinds, and some that change on the way.
// What arrives must be close to what fits, and no later than it must be.
func TestJourneys(t *testing.T) {
	narrow := func(mbit float64, queue int) netsim.Path {
		return netsim.Path{Delay: 100 * time.Microsecond, Rate: int(mbit * 1e6), Queue: queue}
	}
	for _, c := range []struct {
		name string
		size int
		legs []leg
	}{
		{"1 Gbit/s, 118 kB", 118_000, []leg{{narrow(1000, 128<<10), 5 * time.Second, time.Second, 1, 1300 * time.Microsecond, 1400 * time.Microsecond, false}}},
		{"1 Gbit/s, 253 kB", 253_000, []leg{{narrow(1000, 128<<10), 5 * time.Second, time.Second, 1, 2400 * time.Microsecond, 2500 * time.Microsecond, false}}},
		{"1 Gbit/s, 500 kB", 500_000, []leg{{narrow(1000, 128<<10), 5 * time.Second, time.Second, 1, 4500 * time.Microsecond, 4600 * time.Microsecond, false}}},
		{"100 Mbit/s, short queue", 118_000, []leg{{narrow(100, 32<<10), 5 * time.Second, time.Second, 1, 10500 * time.Microsecond, 11 * ms, false}}},
		{"100 Mbit/s, long queue", 118_000, []leg{{narrow(100, 256<<10), 5 * time.Second, 0, 1, 10500 * time.Microsecond, 11 * ms, false}}},
		{"40 Mbit/s", 78_200, []leg{{narrow(40, 64_000), 5 * time.Second, time.Second, 1, 17 * ms, 18 * ms, false}}},
		{"15 Mbit/s", 78_200, []leg{
			{narrow(15, 94_000), 3 * time.Second, 0, 0.70, 70 * ms, 110 * ms, true},
			{narrow(15, 94_000), 7 * time.Second, 0, 0.74, 70 * ms, 85 * ms, false},
		}},
		{"40, 10, 40 Mbit/s", 78_200, []leg{
			{narrow(40, 250_000), 3 * time.Second, 0, 1, 18 * ms, 20 * ms, false},
			{narrow(10, 62_500), 5 * time.Second, 300 * ms, 0.48, 100 * ms, 120 * ms, true},
			{narrow(40, 250_000), 5 * time.Second, time.Second, 1, 18 * ms, 20 * ms, false},
		}},
		{"40, 10, 40 Mbit/s, long queue", 78_200, []leg{
			{narrow(40, 250_000), 3 * time.Second, 0, 1, 18 * ms, 20 * ms, false},
			{narrow(10, 250_000), 5 * time.Second, 600 * ms, 0.48, 100 * ms, 120 * ms, true},
			{narrow(40, 250_000), 5 * time.Second, time.Second, 1, 18 * ms, 20 * ms, false},
		}},
		{"a radio", 78_200, []leg{{netsim.Path{Delay: 10 * ms, Loss: 0.2}, 10 * time.Second, 0, 0.99, 11 * ms, 80 * ms, false}}},
		{"bursts and jitter", 78_200, []leg{{netsim.Path{Delay: ms, Jitter: 2 * ms, Burst: netsim.Burst{Enter: 0.01, Leave: 0.2}}, 10 * time.Second, 0, 0.995, 4 * ms, 40 * ms, false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShow(t, c.legs[0].path, sender.Config{})
				var offered [][]uint32 // IDs, in each leg, once it has settled; skipped frames have none
				var skipped []int
				for _, l := range c.legs {
					s.network.SetPath(camera, viewer, l.path)
					s.send(t, int(30*l.settles.Seconds()), c.size, 30)
					time.Sleep(time.Second / 30)
					before, drops := s.sender.Stats(), s.network.Stats().Queue
					s.send(t, int(30*(l.lasts-l.settles).Seconds()), c.size, 30)
					time.Sleep(time.Second / 30)
					after := s.sender.Stats()
					if n := s.network.Stats().Queue - drops; n > 0 && !l.dropped {
						t.Errorf("%+v: the queue dropped %d datagrams", l.path, n)
					}
					var ids []uint32
					for id := before.Frames; id < after.Frames; id++ {
						ids = append(ids, uint32(id))
					}
					offered, skipped = append(offered, ids), append(skipped, int(after.Skipped-before.Skipped))
				}
				s.close()
				for i, l := range c.legs {
					var delays []time.Duration
					for _, id := range offered[i] {
						if d, ok := s.watcher.delays[id]; ok {
							delays = append(delays, d)
						}
					}
					slices.Sort(delays)
					n := len(offered[i]) + skipped[i]
					share, p50, p99 := float64(len(delays))/float64(n), delays[len(delays)/2], delays[len(delays)*99/100]
					t.Logf("%+v: %.1f%% of %d frames, %d skipped, %v, %v", l.path, 100*share, n, skipped[i], p50, p99)
					if share < l.delivered || p50 > l.p50 || p99 > l.p99 {
						t.Errorf("want %.1f%%, half within %v and all but 1%% within %v", 100*l.delivered, l.p50, l.p99)
					}
				}
				t.Log(s.result())
			})
		})
	}
}
