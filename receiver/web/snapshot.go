package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// snapshotWait is how long a snapshot waits for a first picture: a source on demand has to be opened for it.
const snapshotWait = 5 * time.Second

// serveSnapshot answers with the newest picture of f and its age in seconds, or waits for the first one.
func (h *Hub) serveSnapshot(w http.ResponseWriter, r *http.Request, f *feed) {
	leave, ok := h.watch(f)
	if !ok {
		noSuchStream(w)
		return
	}
	defer leave()
	p := h.awaitPart(r, f)
	if p == nil {
		refuse(w, "there is no picture yet: see /healthz")
		return
	}
	taken := p.frame.Captured.UnixMicro()
	header := w.Header()
	header.Set("Content-Type", "image/jpeg")
	header.Set("Content-Length", strconv.Itoa(len(p.frame.JPEG)))
	header.Set("Cache-Control", "no-store")
	header.Set("Age", strconv.Itoa(int(time.Since(p.came).Seconds())))
	header.Set("X-Timestamp", fmt.Sprintf("%d.%06d", taken/1e6, taken%1e6)) // as in the parts of a stream
	_, err := w.Write(p.frame.JPEG)
	h.config.Log.Debug("snapshot", "path", r.URL.Path, "viewer", r.RemoteAddr, "error", err)
}

// awaitPart returns the newest part of f. If there is none, it waits for one, and returns nil if none comes or too many
// watch already.
func (h *Hub) awaitPart(r *http.Request, f *feed) *part {
	timeout := time.NewTimer(snapshotWait)
	defer timeout.Stop()
	for {
		it := f.newest.Load()
		if it.part != nil || h.crowded() {
			return it.part
		}
		select {
		case <-it.over:
		case <-timeout.C:
			return nil
		case <-r.Context().Done():
			return nil
		case <-h.ctx.Done():
			return nil
		}
	}
}

// crowded reports whether more watch than there may be viewers.
func (h *Hub) crowded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.demand.watchers > h.config.MaxViewers
}
