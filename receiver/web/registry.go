package web

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// A registry knows the streams by name, forgets old ones, and chooses the front stream. A goroutine that holds its lock may
// take that of a feed or a source, but not the other way round.
type registry struct {
	config    Config
	frontFeed *feed // has the pictures of the front stream

	mu      sync.Mutex
	streams map[string]*stream
	front   *stream       // nil while there is none
	stirred chan struct{} // closed, and replaced, when the demand for a source may have changed
}

func newRegistry(c Config) *registry {
	return &registry{config: c, frontFeed: newFeed(), streams: map[string]*stream{}, stirred: make(chan struct{})}
}

// put shows a picture to the viewers of its stream. It returns false if there are too many streams.
func (r *registry) put(p *part, from *source) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stream(p.frame.Stream, p.came)
	if s == nil {
		return false
	}
	s.arrived(p, r.config.QuietAfter)
	if s.source != from {
		s.source = from
		r.demandChanged()
	}
	s.feed.put(p)
	if r.leads(s, p.came) {
		r.frontFeed.put(p)
	}
	return true
}

// stream returns the named stream, which it makes if it is new. If there are too many, a quiet one gives way, or else stream
// returns nil. It wants r.mu held.
func (r *registry) stream(name string, now time.Time) *stream {
	s := r.streams[name]
	if s == nil {
		if r.forget(now, r.config.ForgetAfter); len(r.streams) >= r.config.MaxStreams {
			r.forget(now, r.config.QuietAfter)
		}
		if len(r.streams) >= r.config.MaxStreams {
			return nil
		}
		s = &stream{name: name, feed: newFeed()}
		r.streams[name] = s
	}
	return s
}

// leads reports whether s, which has just got a picture, is the front stream. If the front stream is quiet, the steady stream
// that has been live the longest takes its place first. If the front stream sends only a picture now and then, it gives way to
// one that is steady. It wants r.mu held.
func (r *registry) leads(s *stream, now time.Time) bool {
	switch {
	case r.front == s:
		return true
	case r.front != nil && r.front.live(now, r.config.QuietAfter) && !(s.steady() && !r.front.steady() && s.fps() > 2*r.front.fps()):
		return false
	}
	r.front = s
	for _, other := range r.streams {
		better := other.steady() && !r.front.steady()
		equal := other.steady() == r.front.steady()
		if other.live(now, r.config.QuietAfter) && (better || equal && other.since.Before(r.front.since)) {
			r.front = other
		}
	}
	r.demandChanged()
	return r.front == s
}

// forget drops the streams that have been quiet for a time, unless somebody watches or a source on demand may wake them. It
// wants r.mu held.
func (r *registry) forget(now time.Time, after time.Duration) {
	for name, s := range r.streams {
		if now.Sub(s.last) < after || s.source != nil || r.watchersOf(s) > 0 || !s.feed.drop() {
			continue
		}
		delete(r.streams, name)
		if r.front == s {
			r.front = nil
			r.frontFeed.clear()
			r.demandChanged()
		}
	}
}

// watchersOf counts the viewers of s, by its name or as the front stream. It wants r.mu held.
func (r *registry) watchersOf(s *stream) int {
	n, _ := s.feed.audience()
	if r.front == s {
		front, _ := r.frontFeed.audience()
		n += front
	}
	return n
}

// watch counts one more viewer of f until leave is called. This opens a source on demand. It returns false if f's stream
// has been forgotten.
func (r *registry) watch(f *feed) (leave func(), ok bool) {
	if !f.enter() {
		return nil, false
	}
	r.watched()
	return func() { f.leave(); r.watched() }, true
}

// watched wakes the sources on demand: a viewer has come or left, or a source has failed.
func (r *registry) watched() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.demandChanged()
}

// demandChanged wakes the sources on demand. It wants r.mu held.
func (r *registry) demandChanged() {
	close(r.stirred)
	r.stirred = make(chan struct{})
}

// A demand says whether somebody watches the streams of a source on demand.
type demand struct {
	wanted  bool
	left    time.Time       // when the last viewer left
	changed <-chan struct{} // closed when the demand may be another
}

// demandFor returns the demand for a source.
func (r *registry) demandFor(src *source) demand {
	r.mu.Lock()
	defer r.mu.Unlock()
	var feeds []*feed
	front := !r.frontMayCome()
	for s := range r.streamsOf(src) {
		feeds = append(feeds, s.feed)
		front = front || s == r.front
	}
	if front || feeds == nil {
		feeds = append(feeds, r.frontFeed)
	}
	d := demand{changed: r.stirred}
	for _, f := range feeds {
		watchers, left := f.audience()
		d.wanted = d.wanted || watchers > 0
		if left.After(d.left) {
			d.left = left
		}
	}
	return d
}

// frontMayCome reports whether the front stream is live, or has a source that has not failed. It wants r.mu held.
func (r *registry) frontMayCome() bool {
	s := r.front
	return s != nil && (s.live(time.Now(), r.config.QuietAfter) || s.source != nil && s.source.failure() == nil)
}

// streamsOf yields the streams of a source on demand. It wants r.mu held.
func (r *registry) streamsOf(src *source) iter.Seq[*stream] {
	return func(yield func(*stream) bool) {
		for _, s := range r.streams {
			if s.source == src && !yield(s) {
				return
			}
		}
	}
}

// reserve makes a source's streams known before they have a picture, as long as there are not too many.
func (r *registry) reserve(src *source, names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if s := r.stream(name, time.Now()); s != nil && s.last.IsZero() {
			s.source, s.resting = src, true
			r.front = cmp.Or(r.front, s)
		}
	}
	r.demandChanged()
}

// release lets a source's streams age like any others.
func (r *registry) release(src *source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.streamsOf(src) {
		s.source = nil
	}
	r.demandChanged()
}

// forgetPictures forgets the newest pictures of a source's streams: of those that are not live, or of all if the source
// rests.
func (r *registry) forgetPictures(src *source, rest bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.streamsOf(src) {
		if s.resting = s.resting || rest; !s.live(time.Now(), r.config.QuietAfter) {
			r.clear(s)
		}
	}
}

// clear forgets the newest picture of s. It wants r.mu held.
func (r *registry) clear(s *stream) {
	s.feed.clear()
	if r.front == s {
		r.frontFeed.clear()
	}
}

// feed returns the feed of a named stream, nil if there is none.
func (r *registry) feed(name string) *feed {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(time.Now(), r.config.ForgetAfter)
	if s := r.streams[name]; s != nil {
		return s.feed
	}
	return nil
}

// frontName returns the name of the front stream, "" if there is none.
func (r *registry) frontName() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.front == nil {
		return ""
	}
	return r.front.name
}

func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.streams)
}

// A streamView is the state of a stream at one moment.
type streamView struct {
	stream
	front, live bool
	watchers    int
}

// view returns all streams as they are now, by name.
func (r *registry) view(now time.Time) []streamView {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now, r.config.ForgetAfter)
	views := make([]streamView, 0, len(r.streams))
	for _, s := range r.streams {
		views = append(views, streamView{*s, s == r.front, s.live(now, r.config.QuietAfter), r.watchersOf(s)})
	}
	slices.SortFunc(views, func(a, b streamView) int { return strings.Compare(a.name, b.name) })
	return views
}
