package main_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The tests named TestLab need what only some kernels have, here netem, which delays, loses and reorders packets. `make
// lab` runs them in bench/lab, on a machine that is some fifteen times slower than its host: so frames are small and few.

// Packets that come late by different times, some of them before those that were sent earlier, and that are lost in
// bursts of five, one in twenty in all, both ways.
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
	// netem takes what leaves in one system call for one packet, which no network does.
	delays := cross(t, left, right, frames(t, content), pictures, 10, "--no-gso")
	if len(delays)*100 < pictures*95 {
		t.Fatalf("%d of %d frames have come", len(delays), pictures)
	}
	slices.Sort(delays)
	t.Logf("%d of %d frames delivered, p50 %v, p99 %v", len(delays), pictures,
		delays[len(delays)/2].Round(time.Millisecond), delays[len(delays)*99/100].Round(time.Millisecond))
}
