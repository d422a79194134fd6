package web

import (
	"slices"
	"time"
)

// maxDelay is the longest delay that is believed. A longer one, or one below zero, says that clocks differ.
const maxDelay = 10 * time.Second

// delayBounds are the upper bounds of the histogram's buckets.
var delayBounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second,
}

// delays tells how long pictures took from capture until they came to the hub.
type delays struct {
	recent [128]time.Duration // the last ones, in no order
	count  uint64             // of all
	sum    time.Duration      // likewise
	within [len(delayBounds)]uint64
}

func (d *delays) add(delay time.Duration) {
	if delay < 0 || delay > maxDelay {
		return
	}
	d.recent[d.count%uint64(len(d.recent))] = delay
	d.count++
	d.sum += delay
	if i, _ := slices.BinarySearch(delayBounds[:], delay); i < len(d.within) {
		d.within[i]++
	}
}

// quantiles returns the median and the 99th percentile of the last ones, and false if there are none.
func (d *delays) quantiles() (median, p99 time.Duration, ok bool) {
	n := min(int(d.count), len(d.recent))
	if n == 0 {
		return 0, 0, false
	}
	sorted := d.recent
	slices.Sort(sorted[:n])
	return sorted[n/2], sorted[n*99/100], true
}

// buckets returns the histogram as Prometheus wants it: how many delays were at most each bound, in seconds.
func (d *delays) buckets() map[float64]uint64 {
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range delayBounds {
		sum += d.within[i]
		buckets[bound.Seconds()] = sum
	}
	return buckets
}
