package web

import (
	"testing"
	"time"
)

// A page nearby gets one picture at a time, a distant one as many as its round trip takes, and neither more for being slow.
func TestWindow(t *testing.T) {
	const interval = 40 * time.Millisecond
	for _, test := range []struct {
		rtt, held time.Duration
		want      int
	}{
		{0, 0, 1},
		{2 * time.Millisecond, 10 * time.Millisecond, 1},
		{2 * time.Millisecond, 300 * time.Millisecond, 1}, // what the page takes is not the network's
		{30 * time.Millisecond, 0, 2},
		{100 * time.Millisecond, 10 * time.Millisecond, 4},
		{10 * time.Second, 0, maxFlying},
		{0, time.Hour, 1}, // it cannot have been
	} {
		var w window
		now := epoch
		w.sent(1, now)
		now = now.Add(test.rtt + min(test.held, time.Minute))
		w.taken(1, test.held, now)
		n := 0
		for ; w.open(interval); n++ {
			w.sent(uint32(10+n), now)
		}
		if n != test.want {
			t.Errorf("round trip %v, held %v: %d under way, want %d", test.rtt, test.held, n, test.want)
		}
	}
}

func TestWindowTaken(t *testing.T) {
	var w window
	if _, ok := w.waiting(); ok {
		t.Error("nothing was sent")
	}
	for i := range 3 {
		w.sent(uint32(i), epoch.Add(time.Duration(i)*time.Second))
	}
	now := epoch.Add(10 * time.Second)
	w.taken(7, 0, now) // never sent
	if since, ok := w.waiting(); !ok || since != epoch {
		t.Error(since, ok)
	}
	w.taken(1, 0, now) // and with it the one before
	if since, ok := w.waiting(); !ok || since != epoch.Add(2*time.Second) {
		t.Error(since, ok)
	}
	w.taken(2, 0, now)
	if !w.open(0) || len(w.flying) != 0 {
		t.Error("something is still under way")
	}
}
