package web

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// snapshotWait is how long a snapshot waits for a first picture: a source on demand has to be opened for it.
const snapshotWait = 5 * time.Second

// serveSnapshot answers with the newest picture of f and its age in seconds, or waits for the first one. Whoever asks for it
// is a viewer meanwhile, and has as long to take the picture as other viewers.
func (s *Server) serveSnapshot(w http.ResponseWriter, r *http.Request, f *feed) {
	v, leave := s.visit(w, r, f)
	if leave == nil {
		return
	}
	defer leave()
	p := s.awaitPicture(r, f, snapshotWait, func(*part) bool { return true })
	if p == nil {
		refuse(w, "there is no picture yet: see /healthz")
		return
	}
	header := w.Header()
	header.Set("Content-Type", "image/jpeg")
	header.Set("Content-Length", strconv.Itoa(len(p.frame.JPEG)))
	header.Set("Cache-Control", "no-store")
	header.Set("Age", strconv.Itoa(int(time.Since(p.came).Seconds())))
	header.Set("X-Timestamp", unixSeconds(p.frame.Captured)) // as in a multipart stream
	v.mustTake(s.config.StallTimeout)
	_, err := w.Write(p.frame.JPEG)
	s.config.Log.Debug("snapshot", "path", r.URL.Path, "viewer", r.RemoteAddr, "error", err)
}

// visit makes whoever asks for one picture of f a viewer, until leave is called. If that cannot be, it says so to the client,
// and leave is nil.
func (s *Server) visit(w http.ResponseWriter, r *http.Request, f *feed) (v *viewer, leave func()) {
	v = viewerOf(r)
	if !v.moveTo(s.viewers) {
		refuse(w, tooManyViewers)
		return v, nil
	}
	leave, ok := s.streams.watch(f)
	if !ok {
		noSuchStream(w)
		return v, nil
	}
	return v, leave
}

// awaitPicture returns the newest picture of f if that is wanted. Else it waits for one that is, and returns nil if none comes.
func (s *Server) awaitPicture(r *http.Request, f *feed, wait time.Duration, wanted func(*part) bool) *part {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(s.viewers.ctx, cancel)()
	for {
		it := f.newest.Load()
		if it.part != nil && wanted(it.part) {
			return it.part
		}
		select {
		case <-it.over:
		case <-ctx.Done():
			return nil
		}
	}
}
