package web

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"udpcam/protocol/mjpeg"
)

// What a stream, and in /healthz the whole server, can be.
const (
	statusLive    = "live"    // pictures come
	statusQuiet   = "quiet"   // they have stopped coming
	statusIdle    = "idle"    // nobody watches, and the source is closed until somebody does
	statusWaiting = "waiting" // none has come yet
	statusFailing = "failing" // a source on demand cannot be opened, or broke
)

// streamInfo is what /streams and /healthz tell of a stream.
type streamInfo struct {
	Name    string  `json:"name"`
	Path    string  `json:"path"`  // of its page, relative to the page of the front stream
	Front   bool    `json:"front"` // it is what /stream shows
	Status  string  `json:"status"`
	Age     float64 `json:"age"`    // of the newest picture since it came here, seconds
	FPS     float64 `json:"fps"`    // 0 if the stream is not live
	Width   int     `json:"width"`  // pixels, 0 if not known
	Height  int     `json:"height"` // likewise
	Viewers int     `json:"viewers"`
	Yours   bool    `json:"yours,omitempty"` // the viewer with the key that was asked with is one of them
}

// streamInfos lists the streams by name, for somebody whose viewer has the given key, or "".
func (h *Hub) streamInfos(key string) []streamInfo {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.forget(now)
	yours := h.feedsOf(key)
	list := make([]streamInfo, 0, len(h.streams))
	for _, s := range h.streams {
		info := h.infoOf(s, now)
		info.Yours = yours[s.feed] || info.Front && yours[h.frontFeed]
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b streamInfo) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (h *Hub) infoOf(s *stream, now time.Time) streamInfo {
	info := streamInfo{
		Name:    s.name,
		Path:    pagePath(s.name),
		Front:   s == h.front,
		Status:  statusQuiet,
		Age:     math.Round(now.Sub(s.last).Seconds()*1000) / 1000,
		Viewers: h.watchersOf(s),
	}
	if p := s.feed.newest.Load().part; p != nil {
		if size, err := mjpeg.Size(p.frame.JPEG); err == nil {
			info.Width, info.Height = size.X, size.Y
		}
	}
	switch {
	case s.live(now, h.config.QuietAfter):
		info.Status = statusLive
		info.FPS = math.Round(s.fps()*10) / 10
	case s.resting && s.puller != nil:
		info.Status = statusIdle
	}
	return info
}

// feedsOf returns what the viewers with the given key watch.
func (h *Hub) feedsOf(key string) map[*feed]bool {
	feeds := map[*feed]bool{}
	for v := range h.viewers {
		if key != "" && v.key == key {
			feeds[v.feed] = true
		}
	}
	return feeds
}

func (h *Hub) serveStreams(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, h.streamInfos(r.URL.Query().Get("key")))
}

// writeJSON answers with v, of a type that can always be encoded.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // fails only if the client has left
}
