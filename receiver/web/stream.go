package web

import (
	"slices"
	"time"
)

// A stream is what the registry knows of one name. All of it is under the registry's lock.
type stream struct {
	name     string
	feed     *feed
	source   *source       // the source on demand that its pictures come from, or nil
	resting  bool          // source is closed because nobody watches
	last     time.Time     // when its newest picture came
	gap      time.Duration // how long after the one before
	since    time.Time     // the stream has been live since then, without falling quiet
	interval time.Duration // between its pictures, smoothed; 0 until the second
	pictures int           // number of pictures since then
	total    uint64        // pictures since it is known
	bytes    uint64        // bytes in the pictures
	delays   delays
}

// arrived notes that a picture has come, and stores the stream's interval in the picture.
func (s *stream) arrived(p *part, quietAfter time.Duration) {
	const memory = 16 // pictures that the interval is smoothed over
	now := p.came
	gap := time.Duration(0)
	if !s.last.IsZero() {
		gap = now.Sub(s.last)
	}
	if !s.live(now, quietAfter) {
		s.since, s.interval, s.pictures = now, 0, 0
		if slow := min(gap, s.gap); slow < slowest { // some cameras send a picture now and then: two gaps show it
			s.interval = slow
		}
	}
	s.gap = gap
	if s.pictures > 0 {
		s.interval += (now.Sub(s.last) - s.interval) / time.Duration(min(s.pictures, memory))
	}
	s.pictures++
	s.total++
	s.bytes += uint64(len(p.frame.JPEG))
	s.delays.add(now.Sub(p.captured))
	p.interval = s.interval
	s.last = now
	s.resting = false
}

// slowest is the longest interval between the pictures of a live stream.
const slowest = 2 * time.Minute

// live reports whether the newest picture is fresh: as the page says it too, a second and two intervals old at most, but
// quietAfter in any case.
func (s *stream) live(now time.Time, quietAfter time.Duration) bool {
	return !s.resting && !s.last.IsZero() && now.Sub(s.last) < max(quietAfter, time.Second+2*s.interval)
}

// steady reports whether the stream sends three pictures a second or more.
func (s *stream) steady() bool { return s.pictures >= 3 && s.interval <= time.Second/3 }

// fps is the rate of pictures, 0 if it is not known.
func (s *stream) fps() float64 {
	if s.interval <= 0 {
		return 0
	}
	return float64(time.Second) / float64(s.interval)
}

// maxDelay is the longest plausible delay. A longer or a negative one means that the clocks differ.
const maxDelay = 10 * time.Second

// delayBounds are the upper bounds of the histogram's buckets.
var delayBounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second,
}

// delays are the times from a picture's capture until it came here.
type delays struct {
	recent [128]time.Duration // the last ones, in no order
	count  uint64             // of all delays
	sum    time.Duration      // of all delays
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

// buckets returns the histogram for Prometheus: for each bound in seconds, how many delays were no longer.
func (d *delays) buckets() map[float64]uint64 {
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range delayBounds {
		sum += d.within[i]
		buckets[bound.Seconds()] = sum
	}
	return buckets
}
