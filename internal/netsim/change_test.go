package netsim_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
)

// packet is as large as a thousand bytes on the wire: it takes 1 ms at 8 Mbit/s.
const packet = 1000 - 42

// burst sends that many packets at once, and returns when they arrive, in ms after the epoch.
func burst(c *netsim.Crossing, epoch time.Time, ms float64, count int) (arrivals []float64) {
	now := epoch.Add(time.Duration(ms * float64(time.Millisecond)))
	for range count {
		at, _ := c.Cross(now, packet)
		for _, at := range at {
			arrivals = append(arrivals, float64(at.Sub(epoch))/float64(time.Millisecond))
		}
	}
	return arrivals
}

// Packets that wait when the rate changes keep their times and their places in the queue. Later packets wait behind them.
func TestRateChanges(t *testing.T) {
	epoch := time.Now()
	path := func(rate int) netsim.Path { return netsim.Path{Rate: rate, Queue: 4000} }
	c := netsim.NewCrossing(path(8e6), 1, 1)
	expect := func(what string, got []float64, want ...float64) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: arrivals at %v ms, want %v", what, got, want)
		}
	}
	expect("at 8 Mbit/s", burst(c, epoch, 0, 5), 1, 2, 3, 4)
	c.SetPath(epoch.Add(2*time.Millisecond), path(2e6))
	expect("at 2 Mbit/s, behind two that wait", burst(c, epoch, 2, 3), 8, 12)
	expect("at 2 Mbit/s, behind three", burst(c, epoch, 4, 3), 16, 20)
	c.SetPath(epoch.Add(4*time.Millisecond), path(8e6))
	expect("at 8 Mbit/s, behind a full queue", burst(c, epoch, 4, 1))
	expect("at 8 Mbit/s, behind three", burst(c, epoch, 8, 2), 21)
	expect("when nothing waits any more", burst(c, epoch, 30, 5), 31, 32, 33, 34)
}

// The same is true if a network's path is set while packets wait.
func TestSetPathInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{})
		from, to := listen(t, n, a), listen(t, n, b)
		start := time.Now()
		for i, rate := range []int{8e6, 80e6} {
			n.SetPath(a, b, netsim.Path{Rate: rate})
			for range 2 {
				from.Send(b, [][2][]byte{{[]byte{byte(i)}, make([]byte, packet-1)}})
			}
		}
		for _, want := range []string{"0 1ms", "0 2ms", "1 2.1ms", "1 2.2ms"} {
			trains, err := to.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(trains[0].Bytes[0], " ", time.Since(start)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

// Two cameras that share a path wait in one queue, and fill it together. A third camera has its own queue.
func TestShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Rate: 8e6, Queue: 4000})
		cameras := []netip.AddrPort{a, netip.MustParseAddrPort("10.0.0.3:1000"), netip.MustParseAddrPort("10.0.0.4:1000")}
		n.Share(netsim.Path{Rate: 8e6, Queue: 4000}, netsim.Route{From: cameras[0], To: b}, netsim.Route{From: cameras[1], To: b})
		to := listen(t, n, b)
		start := time.Now()
		for _, camera := range cameras {
			c := listen(t, n, camera)
			for range 3 {
				c.Send(b, [][2][]byte{{make([]byte, packet)}})
			}
		}
		synctest.Wait()
		if got := n.Stats().Queue; got != 2 {
			t.Errorf("%d packets were dropped, want 2 of the six that share a queue of four", got)
		}
		var got []string
		for range 7 {
			trains, err := to.Receive()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(trains[0].From.Addr().As4()[3], " ", time.Since(start)))
		}
		slices.Sort(got)
		want := []string{"1 1ms", "1 2ms", "1 3ms", "3 4ms", "4 1ms", "4 2ms", "4 3ms"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// The same in a World, where Share is called for each end.
func TestWorldShare(t *testing.T) {
	w := netsim.NewWorld()
	dropped := 0
	path := netsim.Path{Rate: 8e6, Queue: 4000}
	drop := func([]byte, netsim.Fate) { dropped++ }
	one, _ := w.Link(1, path, drop)
	two, _ := w.Link(2, path, drop)
	two.Share(one)
	send := func(c *netsim.End) {
		for range 3 {
			c.Send(netsim.AddrB, [][2][]byte{{make([]byte, packet)}})
		}
	}
	w.Go(func() {
		send(one)
		send(two)
		if dropped != 2 {
			t.Errorf("%d packets were dropped, want 2 of the six that share a queue of four", dropped)
		}
		two.SetPath(netsim.Path{Rate: 8e6, Queue: 7000})
		if send(one); dropped != 2 {
			t.Errorf("%d packets were dropped, want 2: there is room for three more", dropped)
		}
	})
	w.Run(never)
}
