package web

import (
	"testing"
	"time"
)

// A page nearby gets one picture at a time. A distant page gets as many as fit its round trip. A slow page gets no more
// than that.
func TestFlights(t *testing.T) {
	const interval = 40 * time.Millisecond
	for _, test := range []struct {
		rtt, held time.Duration
		want      int
	}{
		{0, 0, 1},
		{2 * time.Millisecond, 10 * time.Millisecond, 1},
		{2 * time.Millisecond, 300 * time.Millisecond, 1}, // the time that the page takes is not the network's
		{30 * time.Millisecond, 0, 2},
		{100 * time.Millisecond, 10 * time.Millisecond, 4},
		{10 * time.Second, 0, maxFlights},
		{0, time.Hour, 1}, // it cannot have been
	} {
		var f flights
		now := epoch
		f.left(1, now)
		now = now.Add(test.rtt + min(test.held, time.Minute))
		f.landed(1, test.held, now)
		n := 0
		for ; f.room(interval); n++ {
			f.left(uint32(10+n), now)
		}
		if n != test.want {
			t.Errorf("round trip %v, held %v: %d under way, want %d", test.rtt, test.held, n, test.want)
		}
	}
}

func TestFlightsLanded(t *testing.T) {
	var f flights
	if len(f.all) > 0 {
		t.Error("nothing was sent")
	}
	for i := range 3 {
		f.left(uint32(i), epoch.Add(time.Duration(i)*time.Second))
	}
	now := epoch.Add(10 * time.Second)
	f.landed(7, 0, now) // never sent
	if len(f.all) == 0 || f.all[0].at != epoch {
		t.Error(f.all)
	}
	f.landed(1, 0, now) // and with it the one before
	if len(f.all) == 0 || f.all[0].at != epoch.Add(2*time.Second) {
		t.Error(f.all)
	}
	f.landed(2, 0, now)
	if !f.room(0) || len(f.all) != 0 {
		t.Error("something is still under way")
	}
}
