package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// viewers has the present viewers, and totals over all viewers so far.
type viewers struct {
	config Config
	ctx    context.Context // done when the server is closed
	close  context.CancelFunc

	out, bytes, skipped, stalled, refused atomic.Uint64 // see Stats

	mu     sync.Mutex
	here   map[*viewer]struct{}
	lastID uint64
}

func newViewers(c Config) *viewers {
	vs := &viewers{config: c, here: map[*viewer]struct{}{}}
	vs.ctx, vs.close = context.WithCancel(context.Background())
	return vs
}

// A viewer is somebody who watches a stream, for as long as its HTTP handler runs.
type viewer struct {
	id      uint64
	key     string // ?key=, by which a client finds itself in /state, as with ustreamer
	all     *viewers
	feed    *feed
	conn    connection
	changed <-chan struct{} // gets a value when conn may be ready sooner than ready said; may be nil
	// catchesUp makes the viewer get the last two pictures if it missed only one.
	catchesUp bool

	seen    uint64 // the item that was written last
	sent    atomic.Uint64
	skipped atomic.Uint64

	second     time.Time    // the beginning of the present second
	thisSecond int64        // pictures in it
	rate       atomic.Int64 // pictures in the last whole second
}

var (
	errLeft    = errors.New("the viewer left")
	errEnded   = errors.New("the connection or the server ended")
	errStalled = errors.New("the viewer took no picture in time")
)

// serveViewer lets a viewer watch f until the viewer leaves or f ends. open begins the response.
func (s *Server) serveViewer(w http.ResponseWriter, r *http.Request, f *feed, open func(v *viewer) (connection, error)) {
	v := &viewer{all: s.viewers, feed: f, key: viewerKey(r)}
	if !v.all.admit(v) {
		refuse(w, "there are as many viewers as this server takes: try again later")
		return
	}
	defer v.all.dismiss(v)
	leave, ok := s.streams.watch(f)
	if !ok {
		noSuchStream(w)
		return
	}
	defer leave()

	log := s.config.Log.With("path", r.URL.Path, "viewer", r.RemoteAddr)
	conn, err := open(v)
	if err != nil {
		log.Warn("a viewer cannot be served", "error", err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.viewers.ctx, cancel)()
	defer context.AfterFunc(ctx, conn.abort)()
	v.all.mu.Lock() // tests abort connections
	v.conn = conn
	v.all.mu.Unlock()
	log.Info("viewer came")
	began := time.Now()
	err = v.watch(ctx)
	stalled := errors.Is(err, errStalled)
	if stalled {
		v.all.stalled.Add(1)
	}
	conn.close(stalled)
	log.Info("viewer gone", "because", err, "after", time.Since(began).Round(time.Second),
		"pictures", v.sent.Load(), "skipped", v.skipped.Load())
}

// watch writes the newest picture whenever the connection is ready for one. It returns why that ended.
func (v *viewer) watch(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		it, now := v.feed.newest.Load(), time.Now()
		next := it.part
		if it.seq == v.seen {
			next = nil
		}
		wait, err := v.conn.ready(next, now)
		switch {
		case ctx.Err() != nil:
			return errEnded
		case err != nil:
			return err
		case wait > 0:
			timer.Reset(wait)
			select {
			case <-it.over:
			case <-v.changed:
			case <-timer.C:
			case <-ctx.Done():
			}
			continue
		}
		if v.catchesUp && v.seen != 0 && it.seq == v.seen+2 && it.last != nil {
			// Two pictures came while this goroutine waited for a processor. The viewer was not slow.
			if err := v.write(ctx, it.last, it.seq-1, now); err != nil {
				return err
			}
		}
		if err := v.write(ctx, it.part, it.seq, now); err != nil {
			return err
		}
	}
}

// write writes a picture whole, or returns why the viewer has ended.
func (v *viewer) write(ctx context.Context, p *part, seq uint64, now time.Time) error {
	n, err := v.conn.write(p, time.Now().Add(v.all.config.StallTimeout))
	v.all.bytes.Add(uint64(n))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // first: the HTTP server also ends the request's context then
		return errStalled
	case ctx.Err() != nil:
		return errEnded
	case err != nil:
		return errLeft
	}
	if v.seen != 0 && seq > v.seen+1 {
		missed := seq - v.seen - 1
		v.skipped.Add(missed)
		v.all.skipped.Add(missed)
	}
	v.seen = seq
	v.sent.Add(1)
	v.all.out.Add(1)
	if now.Sub(v.second) >= time.Second {
		v.rate.Store(v.thisSecond)
		v.second, v.thisSecond = now, 0
	}
	v.thisSecond++
	return nil
}

// admit counts v among the viewers, unless there are too many.
func (vs *viewers) admit(v *viewer) bool {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if len(vs.here) >= vs.config.MaxViewers || vs.ctx.Err() != nil {
		vs.refused.Add(1)
		return false
	}
	vs.lastID++
	v.id = vs.lastID
	vs.here[v] = struct{}{}
	return true
}

func (vs *viewers) dismiss(v *viewer) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	delete(vs.here, v)
}

func (vs *viewers) count() int {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return len(vs.here)
}

// list returns the present viewers. Callers may use only their atomic fields and the fields that never change.
func (vs *viewers) list() []*viewer {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return slices.Collect(maps.Keys(vs.here))
}

// viewerKey returns a request's ?key=, if it is not too long to keep.
func viewerKey(r *http.Request) string {
	const longest = 64 // bytes
	key := r.URL.Query().Get("key")
	if len(key) > longest {
		return ""
	}
	return key
}

// refuse answers that something is not available now.
func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "5") // seconds
	http.Error(w, why, http.StatusServiceUnavailable)
}
