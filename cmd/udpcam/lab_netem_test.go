package main_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The tests named TestLab need features that only some kernels have. Here that is netem, which delays, loses and reorders
// packets. `make lab` runs them in bench/lab, on a machine that is some fifteen times slower than its host: so frames are
// small and few.

// Both ways, packets are delayed by different times, and some overtake others. One in twenty is lost, in bursts of five.
func TestLabNetem(t *testing.T) {
	left, right := cable(t)
	for _, m := range []machine{left, right} {
		netem := strings.Fields("tc qdisc add dev cable root netem delay 2ms 1ms loss gemodel 1% 20%")
		if out, err := m.command(netem...).CombinedOutput(); err != nil {
			t.Skipf("no netem here: %s", out)
		}
	}
	const pictures, more = 150, 5
	_, content := numberedFilm(t, pictures+more, street(t, 5)[0])
	// Without this, netem takes all datagrams of one system call for one packet. No real network does.
	delays := cross(t, left, right, frames(t, content), pictures, 10, "--no-gso")
	if len(delays)*100 < pictures*95 {
		t.Fatalf("%d of %d frames have come", len(delays), pictures)
	}
	slices.Sort(delays)
	t.Logf("%d of %d frames delivered, p50 %v, p99 %v", len(delays), pictures,
		delays[len(delays)/2].Round(time.Millisecond), delays[len(delays)*99/100].Round(time.Millisecond))
}
