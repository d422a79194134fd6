package web

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"udpcam/protocol/mjpeg"
)

// A viewer is somebody who watches a stream, for as long as its HTTP handler runs.
type viewer struct {
	id     uint64
	key    string // that it has given itself, with ?key= as for ustreamer, to find itself by
	hub    *Hub
	feed   *feed
	outlet outlet
	ended  atomic.Bool // its request's context is done, or the hub is closed

	seen    uint64 // the item that was written last
	sent    atomic.Uint64
	skipped atomic.Uint64
	rate    meter
}

var (
	errLeft    = errors.New("it left")
	errEnded   = errors.New("the connection or the server ended")
	errStalled = errors.New("it stalled")
)

// serveStream writes the pictures of f to a viewer, as multipart, until one of the two ends.
func (h *Hub) serveStream(w http.ResponseWriter, r *http.Request, f *feed) {
	setStreamHeader(w.Header())
	if r.Method == http.MethodHead {
		return
	}
	h.serveViewer(w, r, f, func(v *viewer) (outlet, func() error, error) {
		o, err := newOutlet(w, framingFor(r, v), h.config.StallTimeout)
		return o, v.run, err
	})
}

// serveViewer lets somebody watch f: open returns the viewer's outlet, and what writes to it until one of the two ends.
func (h *Hub) serveViewer(w http.ResponseWriter, r *http.Request, f *feed,
	open func(v *viewer) (o outlet, run func() error, err error)) {

	v := &viewer{hub: h, feed: f, key: viewerKey(r)}
	if !h.admit(v) {
		refuse(w, "there are as many viewers as this server takes: try again later")
		return
	}
	defer h.dismiss(v)
	leave, ok := h.watch(f)
	if !ok {
		noSuchStream(w)
		return
	}
	defer leave()

	log := h.config.Log.With("path", r.URL.Path, "viewer", r.RemoteAddr)
	o, run, err := open(v)
	if err != nil {
		log.Warn("a viewer cannot be served", "error", err)
		return
	}
	h.mu.Lock()
	v.outlet = o
	h.mu.Unlock()
	defer h.endWith(r.Context(), v)()
	defer h.endWith(h.ctx, v)()

	log.Info("viewer came")
	began := time.Now()
	err = run()
	stalled := errors.Is(err, errStalled)
	if stalled {
		h.count.stalled.Add(1)
	}
	v.outlet.close(stalled)
	log.Info("viewer gone", "because", err, "after", time.Since(began).Round(time.Second),
		"pictures", v.sent.Load(), "skipped", v.skipped.Load())
}

// admit counts v among the viewers, unless there are too many.
func (h *Hub) admit(v *viewer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.viewers) >= h.config.MaxViewers || h.ctx.Err() != nil {
		h.count.refused.Add(1)
		return false
	}
	h.lastID++
	v.id = h.lastID
	h.viewers[v] = struct{}{}
	return true
}

func (h *Hub) dismiss(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
}

// endWith ends v when ctx is done, wherever it waits then: for the next picture, or for its socket to take one.
func (h *Hub) endWith(ctx context.Context, v *viewer) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		v.ended.Store(true)
		v.outlet.abort()
		h.mu.Lock()
		defer h.mu.Unlock()
		v.feed.nudge()
	})
}

// run writes pictures, each the newest that there is, and returns why it no longer does.
func (v *viewer) run() error {
	woken := false
	for {
		it := v.feed.newest.Load()
		switch {
		case v.ended.Load(): // looked at after newest: whoever sets it replaces newest then
			return errEnded
		case it.part == nil || it.seq == v.seen:
			if woken && !v.outlet.alive() {
				return errLeft
			}
			<-it.over
			woken = true
		default:
			if v.seen != 0 && it.seq == v.seen+2 && it.last != nil {
				// Two pictures have come while this goroutine waited for its turn: that is not being slow.
				if err := v.write(it.last, it.seq-1); err != nil {
					return err
				}
			}
			if err := v.write(it.part, it.seq); err != nil {
				return err
			}
			woken = false
		}
	}
}

// write writes a picture, all of it or none that is of use.
func (v *viewer) write(p *part, seq uint64) error {
	now := time.Now()
	n, err := v.outlet.write(p, now.Add(v.hub.config.StallTimeout))
	v.hub.count.bytes.Add(uint64(n))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // asked first: the HTTP server ends the request's context for it
		return errStalled
	case v.ended.Load():
		return errEnded
	case err != nil:
		return errLeft
	}
	if v.seen != 0 && seq > v.seen+1 {
		missed := seq - v.seen - 1
		v.skipped.Add(missed)
		v.hub.count.skipped.Add(missed)
	}
	v.seen = seq
	v.sent.Add(1)
	v.hub.count.out.Add(1)
	v.rate.mark(now)
	return nil
}

// viewerKey returns what a viewer has called itself, if that is not too long to keep.
func viewerKey(r *http.Request) string {
	const longest = 64 // bytes
	key := r.URL.Query().Get("key")
	if len(key) > longest {
		return ""
	}
	return key
}

// setStreamHeader sets the header of a response that is a stream.
func setStreamHeader(h http.Header) {
	h.Set("Content-Type", mjpeg.ContentType)
	h.Set("Cache-Control", "no-store, no-cache")
}

// refuse answers that something cannot be had now.
func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "5") // seconds
	http.Error(w, why, http.StatusServiceUnavailable)
}
