package web

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A Hub takes frames and shows them to whoever asks over HTTP. It is an [http.Handler] that may be mounted anywhere,
// behind [http.StripPrefix] too. All its methods may be called from any goroutine.
type Hub struct {
	config Config
	hosts  hostList
	login  *login // nil if everybody may watch
	mux    *http.ServeMux
	ctx    context.Context // done when the hub is closed
	close  context.CancelFunc
	count  counters
	number atomic.Uint32 // of the last part
	links  links

	mu        sync.Mutex
	streams   map[string]*stream
	front     *stream // the one whose pictures also go to frontFeed; nil while there is none
	frontFeed *feed
	viewers   map[*viewer]struct{}
	lastID    uint64 // of a viewer
	pullers   map[*puller]struct{}
	demand    demand
}

// New returns a hub without streams. It has no goroutine of its own.
func New(c Config) *Hub {
	h := &Hub{
		config:  c.withDefaults(),
		hosts:   newHostList(c.AllowHosts),
		login:   newLogin(c),
		streams: map[string]*stream{},
		viewers: map[*viewer]struct{}{},
		pullers: map[*puller]struct{}{},
		demand:  demand{changed: make(chan struct{})},
	}
	h.ctx, h.close = context.WithCancel(context.Background())
	h.frontFeed = newFeed(&h.mu)
	h.mux = h.routes()
	return h
}

// Put shows a frame to whoever watches its stream. It never waits for a viewer. It keeps the frame, without a copy if that
// can be: see [protocol.Frame]. The caller may use the bytes of its own again when Put returns. A frame
// without a time of capture gets the present one. One that is not taken, for a reason such as [SkipHuge], is dropped: see
// [Config.Skip]; [Stats] counts them.
func (h *Hub) Put(f protocol.Frame) { h.put(f, nil) }

// put is Put for a frame that comes from a source on demand, or from nil for one that does not.
func (h *Hub) put(f protocol.Frame, from *puller) {
	if reason := h.take(f, from); reason != "" {
		h.count.dropped.Add(1)
		if h.config.Skip != nil {
			h.config.Skip(reason)
		}
	}
}

// take shows a frame, or returns why not.
func (h *Hub) take(f protocol.Frame, from *puller) (reason string) {
	switch {
	case len(f.JPEG) == 0:
		return SkipEmpty
	case len(f.Stream) > protocol.MaxStreamName:
		return SkipName
	case mjpeg.TooLarge(f.JPEG):
		return SkipHuge
	}
	now := time.Now()
	captured := f.Captured
	if captured.IsZero() {
		f.Captured, captured = now, now
	} else {
		captured = captured.Add(-h.links.ahead(f.Stream, now))
	}
	p := &part{frame: f.Keep(), number: h.number.Add(1), captured: captured, came: now}
	p.render()

	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stream(f.Stream, now)
	if s == nil {
		return SkipStreams
	}
	h.count.in.Add(1)
	s.arrived(p, h.config.QuietAfter)
	s.puller = from
	if from != nil {
		from.err = nil
	}
	s.feed.put(p)
	if h.leads(s, now) {
		h.frontFeed.put(p)
	}
	return ""
}

// Close ends every viewer, and later ones are answered 503. It is made for [http.Server.RegisterOnShutdown], because a
// server that shuts down does not end viewers by itself.
func (h *Hub) Close() { h.close() }
