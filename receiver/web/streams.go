package web

import (
	"iter"
	"time"
)

// stream returns the named stream, which it makes if it is new, or nil if there are too many. As all of this file, it
// wants h.mu held.
func (h *Hub) stream(name string, now time.Time) *stream {
	s := h.streams[name]
	if s == nil {
		if h.forget(now); len(h.streams) >= h.config.MaxStreams {
			return nil
		}
		s = &stream{name: name, feed: newFeed(&h.mu)}
		h.streams[name] = s
	}
	return s
}

// leads reports whether s, of which a picture has just come, is the front stream. If the front stream has fallen quiet,
// the one that has been live the longest takes its place first.
func (h *Hub) leads(s *stream, now time.Time) bool {
	if h.front == nil || h.front != s && !h.front.live(now, h.config.QuietAfter) {
		h.front = s
		for _, other := range h.streams {
			if other.live(now, h.config.QuietAfter) && other.since.Before(h.front.since) {
				h.front = other
			}
		}
	}
	return h.front == s
}

// forget drops the streams that have long been quiet, that nobody watches and that no source on demand will wake.
func (h *Hub) forget(now time.Time) {
	for name, s := range h.streams {
		if now.Sub(s.last) < h.config.ForgetAfter || s.puller != nil || h.watchersOf(s) > 0 {
			continue
		}
		delete(h.streams, name)
		s.feed.dropped = true
		if h.front == s {
			h.front = nil
			h.frontFeed.clear()
		}
	}
}

// watchersOf counts who watches s, by its name or as the front stream.
func (h *Hub) watchersOf(s *stream) int {
	n := s.feed.watchers
	if h.front == s {
		n += h.frontFeed.watchers
	}
	return n
}

// clear forgets the newest picture of s.
func (h *Hub) clear(s *stream) {
	s.feed.clear()
	if h.front == s {
		h.frontFeed.clear()
	}
}

// streamsOf yields the streams that p feeds.
func (h *Hub) streamsOf(p *puller) iter.Seq[*stream] {
	return func(yield func(*stream) bool) {
		for _, s := range h.streams {
			if s.puller == p && !yield(s) {
				return
			}
		}
	}
}
