package web

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// snapshotWait is how long a snapshot waits for a first picture: a source on demand has to be opened for it.
const snapshotWait = 5 * time.Second

// serveSnapshot answers with the newest picture of f and its age in seconds, or waits for the first one.
func (s *Server) serveSnapshot(w http.ResponseWriter, r *http.Request, f *feed) {
	leave, ok := s.streams.watch(f)
	if !ok {
		noSuchStream(w)
		return
	}
	defer leave()
	p := s.awaitPicture(r, f)
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
	_, err := w.Write(p.frame.JPEG)
	s.config.Log.Debug("snapshot", "path", r.URL.Path, "viewer", r.RemoteAddr, "error", err)
}

// awaitPicture returns the newest picture of f. If there is none, it waits for one. It returns nil if none comes, or if
// there are too many viewers already.
func (s *Server) awaitPicture(r *http.Request, f *feed) *part {
	ctx, cancel := context.WithTimeout(r.Context(), snapshotWait)
	defer cancel()
	defer context.AfterFunc(s.viewers.ctx, cancel)()
	for {
		it := f.newest.Load()
		if it.part != nil || s.streams.watchers.Load() > int64(s.config.MaxViewers) {
			return it.part
		}
		select {
		case <-it.over:
		case <-ctx.Done():
			return nil
		}
	}
}
