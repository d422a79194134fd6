package web

import "time"

// A stream is what the hub knows of one name. All of it is under the hub's mu, but for what feed says of itself.
type stream struct {
	name     string
	feed     *feed
	puller   *puller       // the source on demand that feeds it, or nil
	resting  bool          // puller has closed it because nobody watched
	last     time.Time     // when its newest picture came
	since    time.Time     // since when it has been live without falling quiet
	interval time.Duration // between its pictures, smoothed; 0 until the second
	pictures int           // since then
	total    uint64        // pictures since it is known
	bytes    uint64        // in them
	delays   delays
}

// arrived notes that a picture has come, and tells it its interval.
func (s *stream) arrived(p *part, quietAfter time.Duration) {
	const memory = 16 // pictures that the interval is smoothed over
	now := p.came
	if !s.live(now, quietAfter) {
		s.since, s.interval, s.pictures = now, 0, 0
	}
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

// live reports whether the stream's newest picture is fresh.
func (s *stream) live(now time.Time, quietAfter time.Duration) bool {
	return !s.resting && !s.last.IsZero() && now.Sub(s.last) < quietAfter
}

// fps is the rate of pictures, 0 if it is not known.
func (s *stream) fps() float64 {
	if s.interval <= 0 {
		return 0
	}
	return float64(time.Second) / float64(s.interval)
}
