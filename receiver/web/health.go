package web

import (
	"net/http"
	"slices"
)

// health is the answer of /healthz.
type health struct {
	Status  string       `json:"status"`
	Error   string       `json:"error,omitempty"` // of a source on demand
	Viewers int          `json:"viewers"`
	Streams []streamInfo `json:"streams"`
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

func (h *Hub) health() health {
	streams := h.streamInfos("")
	h.mu.Lock()
	defer h.mu.Unlock()
	answer := health{Viewers: len(h.viewers), Streams: streams}
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
	case len(streams) == 0:
		answer.Status = statusWaiting
	default:
		answer.Status = statusQuiet
	}
	return answer
}
