package sender_test

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// A leg is a part of a journey: some time over one path, and what must be true of its frames after the path has settled.
type leg struct {
	path      netsim.Path
	lasts     time.Duration
	settles   time.Duration
	delivered float64 // share of what is offered, at least
	p50, p99  time.Duration
	dropped   bool // whether the queue may overflow
}

const ms = time.Millisecond

// TestJourneys sends frames over paths with links and queues of many kinds. Some paths change on the way. About as many
// frames must arrive as fit, with little more delay than they need.
func TestJourneys(t *testing.T) {
	narrow := func(mbit float64, queue int) netsim.Path {
		return netsim.Path{Delay: 100 * time.Microsecond, Rate: int(mbit * 1e6), Queue: queue}
	}
	for i, c := range []struct {
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
		if testing.Short() && i > 0 {
			break // one is enough for the race detector
		}
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

// TestSharedBottleneck has two cameras send through one bottleneck, the second later than the first. Neither starves. Which of
// two datagrams comes first is left to the scheduler, so each run is another: three are judged together.
func TestSharedBottleneck(t *testing.T) {
	for i, c := range []struct {
		name  string
		path  netsim.Path
		share float64 // of the link that they use together, at least
	}{
		{"15 Mbit/s", netsim.Path{Delay: ms, Rate: 15e6, Queue: 94_000}, 0.4},
		{"15 Mbit/s, long queue", netsim.Path{Delay: ms, Rate: 15e6, Queue: 500_000}, 0.4},
		{"30 Mbit/s, short queue", netsim.Path{Delay: 10 * ms, Rate: 30e6, Queue: 64_000}, 0.6},
		{"40 Mbit/s", netsim.Path{Delay: 5 * ms, Rate: 40e6, Queue: 200_000}, 0.75},
	} {
		if testing.Short() && i > 0 {
			break // one is enough for the race detector
		}
		t.Run(c.name, func(t *testing.T) {
			const runs = 3
			var a, b float64
			for range runs {
				synctest.Test(t, func(t *testing.T) {
					first, second := shareBottleneck(t, c.path)
					t.Logf("%.0f and %.0f of 300 frames", first, second)
					a, b = a+first, b+second
				})
			}
			used := (a + b) / runs * (bottleneckFrame * 8 * 1.06) / 10 / float64(c.path.Rate)
			if a < b/2 || b < a/2 || used < c.share {
				t.Errorf("%.0f and %.0f frames, %.0f%% of the link: want neither more than twice the other's, and %.0f%%",
					a, b, 100*used, 100*c.share)
			}
		})
	}
}

const bottleneckFrame = 78_200 // bytes

// shareBottleneck has two cameras send through a path at 30 fps. It returns how many frames of each come in ten seconds, from
// five seconds after both have begun.
func shareBottleneck(t *testing.T, path netsim.Path) (a, b float64) {
	const size, fps = bottleneckFrame, 30
	s := newShow(t, netsim.Path{}, sender.Config{})
	camera2, viewer2 := netip.MustParseAddrPort("10.0.0.5:1000"), netip.MustParseAddrPort("10.0.0.6:2000")
	s.network.Share(path, netsim.Route{From: camera, To: viewer}, netsim.Route{From: camera2, To: viewer2})
	second, err := sender.New(sender.Config{Log: quiet}, sender.Destination{Conn: listen(t, s.network, camera2), Addr: viewer2})
	if err != nil {
		t.Fatal(err)
	}
	s2 := &show{network: s.network, sender: second, watcher: watch(listen(t, s.network, viewer2), protocol.AssemblerConfig{})}
	s.send(t, 3*fps, size, fps)
	var both sync.WaitGroup
	for who, frames := range map[*show]*float64{s: &a, s2: &b} {
		both.Go(func() {
			who.send(t, 5*fps, size, fps)
			before := who.watcher.count()
			who.send(t, 10*fps, size, fps)
			*frames = float64(who.watcher.count() - before)
		})
	}
	both.Wait()
	time.Sleep(time.Second)
	s2.watcher.stop()
	second.Close()
	s.close()
	return a, b
}
