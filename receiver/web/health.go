package web

import (
	"net/http"
	"slices"
)

// health is the answer of /healthz and of /api/v1/streams.
type health struct {
	Status     string       `json:"status"`
	Error      string       `json:"error,omitempty"` // of a source on demand
	Viewers    int          `json:"viewers"`
	MaxViewers int          `json:"max_viewers"`
	Streams    []streamInfo `json:"streams"`
}

// serveAPI answers with all there is to say of streams.
func (h *Hub) serveAPI(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, h.health(keysOf(r)...))
}

// serveHealth answers 200 if pictures come, or would if somebody watched, else 503.
func (h *Hub) serveHealth(w http.ResponseWriter, r *http.Request) {
	health := h.health()
	status := http.StatusServiceUnavailable
	if health.Status == statusLive || health.Status == statusIdle {
		status = http.StatusOK
	}
	writeJSON(w, status, health)
}

func (h *Hub) health(keys ...string) health {
	streams := h.streamInfos(keys...)
	h.mu.Lock()
	defer h.mu.Unlock()
	answer := health{Viewers: len(h.viewers), MaxViewers: h.config.MaxViewers, Streams: streams}
	idle := false
	for p := range h.pullers {
		idle = idle || !p.open
		if p.err != nil {
			answer.Error = p.err.Error()
		}
	}
	isLive := func(s streamInfo) bool { return s.Status == statusLive }
	switch {
	case slices.ContainsFunc(streams, isLive):
		answer.Status = statusLive
	case answer.Error != "":
		answer.Status = statusFailing
	case idle:
		answer.Status = statusIdle
	case !slices.ContainsFunc(streams, func(s streamInfo) bool { return s.Frames > 0 }):
		answer.Status = statusWaiting
	default:
		answer.Status = statusQuiet
	}
	return answer
}
