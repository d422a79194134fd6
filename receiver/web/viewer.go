package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"udpcam/protocol"
)

// A viewer is somebody who watches a stream, or is answered something else, for as long as its HTTP handler runs. See
// places.go.
type viewer struct {
	id      uint64
	key     string // ?key=, by which a client finds itself in /state, as with ustreamer
	address string // see guard.Household
	all     *viewers
	feed    *feed
	conn    connection // of a stream; nil before it begins
	control *http.ResponseController
	under   net.Conn // the connection, nil if it is not known, or not for this request alone
	cancel  context.CancelCauseFunc
	waiting atomic.Int64 // since when it has not taken what was sent, in ns since the Unix epoch; 0 if it has taken all
	timer   *time.Timer  // sets late, and breaks off
	late    atomic.Bool  // it has not taken an answer in time

	changed  <-chan struct{} // gets a value when conn may be ready sooner than ready said; may be nil
	watching bool            // a stream, rather than asking for one answer
	// multipart is for a viewer that is no page of ours. It gets the last two pictures if it missed only one, and the last
	// one again when no other comes for repeatAfter.
	multipart bool
	pace      pace // of multipart

	seen    uint64 // the item that was written last
	wrote   time.Time
	sent    atomic.Uint64
	skipped atomic.Uint64

	elsewhere atomic.Bool // it gets its pictures by datagrams, and is to be written none
	first     uint64      // the feed's item before the first that it could see

	counting   sync.Mutex
	second     time.Time    // the beginning of the present second
	thisSecond int64        // pictures in it
	rate       atomic.Int64 // pictures in the last whole second
}

var (
	errLeft    = errors.New("the viewer left")
	errEnded   = errors.New("the connection or the server ended")
	errStalled = errors.New("the viewer took no picture in time")
	errGaveWay = errors.New("all places are taken, and this address had the most")
)

// serveViewer lets a viewer watch f until the viewer leaves or f ends. open begins the response.
func (s *Server) serveViewer(w http.ResponseWriter, r *http.Request, f *feed, open func(v *viewer) (connection, error)) {
	v := viewerOf(r)
	v.feed, v.key, v.watching = f, viewerKey(r), true
	if seq := f.newest.Load().seq; seq > 0 {
		v.first = seq - 1
	}
	if !v.moveTo(s.viewers) {
		refuse(w, tooManyViewers)
		return
	}
	v.timer.Stop() // each picture has a time of its own
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
	v.waiting.Store(0)
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

// repeatAfter is after how long without a picture a viewer gets the last one again. Proxies close a connection on which
// nothing comes: nginx and Apache after 60 s, others after 30 s.
const repeatAfter = 20 * time.Second

// watch writes the newest picture whenever the connection is ready for one. It returns why that ended.
func (v *viewer) watch(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		it, now := v.feed.newest.Load(), time.Now()
		next := it.part
		repeat := time.Hour
		if it.seq == v.seen && v.multipart && next != nil {
			repeat = v.wrote.Add(repeatAfter).Sub(now)
		}
		if it.seq == v.seen && repeat > 0 {
			next = nil
		}
		if v.elsewhere.Load() {
			next, v.seen = nil, 0 // it has missed nothing when it gets pictures here again
		}
		wait, err := v.conn.ready(next, now)
		if next == nil {
			wait = min(wait, repeat)
		} else if wait == 0 && it.seq != v.seen {
			wait = v.pace.wait(next, now)
		}
		switch {
		case ctx.Err() != nil:
			return whyEnded(ctx)
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
		if v.multipart && v.pace.rate == 0 && v.seen != 0 && it.seq == v.seen+2 && it.last != nil {
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
	v.waiting.CompareAndSwap(0, now.UnixNano())
	n, err := v.conn.write(p, time.Now().Add(v.all.config.StallTimeout))
	v.all.bytes.Add(uint64(n))
	switch {
	case context.Cause(ctx) == errGaveWay: // first: a write may be broken off by a deadline
		return errGaveWay
	case errors.Is(err, os.ErrDeadlineExceeded): // before ctx: the HTTP server also ends the request's context then
		return errStalled
	case ctx.Err() != nil:
		return errEnded
	case err != nil:
		return errLeft
	}
	if v.changed == nil { // a page tells when it has taken the picture
		v.waiting.Store(0)
	}
	if v.seen != 0 && seq > v.seen+1 {
		missed := seq - v.seen - 1
		v.skipped.Add(missed)
		v.all.skipped.Add(missed)
	}
	v.pace.sent(p)
	v.seen, v.wrote = seq, now
	v.count(1, now)
	return nil
}

// count counts pictures that have been sent to the viewer.
func (v *viewer) count(pictures uint64, now time.Time) {
	v.counting.Lock()
	defer v.counting.Unlock()
	v.sent.Add(pictures)
	v.all.out.Add(pictures)
	if now.Sub(v.second) >= time.Second {
		v.rate.Store(v.thisSecond)
		v.second, v.thisSecond = now, 0
	}
	v.thisSecond += int64(pictures)
}

// saw counts pictures that the viewer says to have been shown by datagrams, of so many bytes together. It is believed that
// it has seen no more than there were, none larger than a frame may be.
func (v *viewer) saw(pictures, bytes uint64, now time.Time) {
	made := v.feed.newest.Load().seq - v.first
	pictures = min(pictures, made-min(made, v.sent.Load()))
	v.all.bytes.Add(min(bytes, pictures*protocol.MaxFrameSize))
	v.count(pictures, now)
}

// whyEnded returns why ctx is done.
func whyEnded(ctx context.Context) error {
	if context.Cause(ctx) == errGaveWay {
		return errGaveWay
	}
	return errEnded
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
