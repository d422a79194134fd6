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

// streamInfo is what /api/v1/streams, /streams and /healthz tell of a stream. Counts are since the stream is known.
type streamInfo struct {
	Name    string  `json:"name"`
	Path    string  `json:"path"`  // of its page, relative to the page of the front stream
	Front   bool    `json:"front"` // it is what /stream shows
	Status  string  `json:"status"`
	Age     float64 `json:"age"`      // of the newest picture since it came here, seconds; 0 before the first
	FPS     float64 `json:"fps"`      // 0 if the stream is not live
	Every   float64 `json:"interval"` // between its pictures, seconds; 0 if not known
	Width   int     `json:"width"`    // pixels, 0 if not known
	Height  int     `json:"height"`   // likewise
	Viewers int     `json:"viewers"`
	Yours   bool    `json:"yours,omitempty"` // the viewer with a key that was asked with is one of them

	Frames uint64     `json:"frames"`
	Bytes  uint64     `json:"bytes"`
	Delay  *delayInfo `json:"delay"` // of the last pictures, from capture until they came here; null if clocks differ
	Link   *linkInfo  `json:"link"`  // null if they do not come over the network, or nobody knows how
}

type delayInfo struct {
	Median float64 `json:"median_ms"`
	P99    float64 `json:"p99_ms"`
}

// linkInfo is what is known of a stream's way over the network, see [protocol.StreamInfo].
type linkInfo struct {
	From      string            `json:"from"`
	RTT       *float64          `json:"rtt_ms"` // null if it is not known
	Frames    uint64            `json:"frames"`
	Dropped   uint64            `json:"dropped"`
	DroppedBy map[string]uint64 `json:"dropped_by"`
	Expected  uint64            `json:"expected"` // datagrams, as they were first sent
	Received  uint64            `json:"received"` // of those
	ByParity  uint64            `json:"by_parity"`
	ByRequest uint64            `json:"by_request"`
}

// streamInfos lists the streams by name, for somebody whose viewers have the given keys.
func (h *Hub) streamInfos(keys ...string) []streamInfo {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.forget(now)
	yours := h.feedsOf(keys)
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
		Every:   math.Round(s.interval.Seconds()*1e6) / 1e6,
		Viewers: h.watchersOf(s),
		Frames:  s.total,
		Bytes:   s.bytes,
		Link:    h.linkOf(s.name, now),
	}
	if !s.last.IsZero() {
		info.Age = math.Round(now.Sub(s.last).Seconds()*1000) / 1000
	}
	if median, p99, ok := s.delays.quantiles(); ok {
		info.Delay = &delayInfo{milliseconds(median), milliseconds(p99)}
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

func (h *Hub) linkOf(stream string, now time.Time) *linkInfo {
	link, ok := h.links.of(stream, now)
	if !ok {
		return nil
	}
	st := link.Stats
	info := &linkInfo{
		From:      link.From.String(),
		Frames:    st.Frames,
		Dropped:   st.Dropped.Total(),
		DroppedBy: st.Dropped.Map(),
		Expected:  st.Expected,
		Received:  st.Received,
		ByParity:  st.ByParity,
		ByRequest: st.ByRequest,
	}
	if link.ClockKnown {
		rtt := milliseconds(link.RTT)
		info.RTT = &rtt
	}
	return info
}

// milliseconds returns d in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// feedsOf returns what the viewers with the given keys watch.
func (h *Hub) feedsOf(keys []string) map[*feed]bool {
	feeds := map[*feed]bool{}
	if len(keys) == 0 {
		return feeds
	}
	for v := range h.viewers {
		if v.key != "" && slices.Contains(keys, v.key) {
			feeds[v.feed] = true
		}
	}
	return feeds
}

// keysOf returns the keys that a request asks for, at most as many as there are streams by default.
func keysOf(r *http.Request) []string {
	keys := r.URL.Query()["key"]
	return keys[:min(len(keys), 64)]
}

func (h *Hub) serveStreams(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, h.streamInfos(keysOf(r)...))
}

// writeJSON answers with v, of a type that can always be encoded.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // fails only if the client has left
}
