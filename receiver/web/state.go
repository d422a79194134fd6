package web

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"time"
)

// The state types are the JSON that ustreamer gives at /state, for programs made to read it:
// https://github.com/pikvm/ustreamer, src/ustreamer/http/server.c. What has no counterpart here has the value that
// ustreamer gives for a camera that makes JPEGs itself ("HW").
type (
	state struct {
		OK     bool        `json:"ok"`
		Result stateResult `json:"result"`
	}
	stateResult struct {
		InstanceID string       `json:"instance_id"`
		Encoder    stateEncoder `json:"encoder"`
		Source     stateSource  `json:"source"`
		Stream     stateStream  `json:"stream"`
	}
	stateEncoder struct {
		Type    string `json:"type"`
		Quality int    `json:"quality"`
	}
	stateSource struct {
		Resolution  stateResolution `json:"resolution"`
		Online      bool            `json:"online"`
		DesiredFPS  int             `json:"desired_fps"`
		CapturedFPS int             `json:"captured_fps"`
	}
	stateResolution struct {
		Width  int `json:"width"`
		Height int `json:"height"`
	}
	stateStream struct {
		QueuedFPS   int                    `json:"queued_fps"`
		Clients     int                    `json:"clients"`
		ClientsStat map[string]stateClient `json:"clients_stat"`
	}
	stateClient struct {
		FPS             int    `json:"fps"`
		ExtraHeaders    bool   `json:"extra_headers"`
		AdvanceHeaders  bool   `json:"advance_headers"`
		DualFinalFrames bool   `json:"dual_final_frames"`
		ZeroData        bool   `json:"zero_data"`
		Key             string `json:"key"`
	}
)

// serveState answers for the front stream.
func (h *Hub) serveState(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, h.state())
}

func (h *Hub) state() state {
	h.mu.Lock()
	defer h.mu.Unlock()
	var front streamInfo
	feeds := []*feed{h.frontFeed}
	if h.front != nil {
		front = h.infoOf(h.front, time.Now())
		feeds = append(feeds, h.front.feed)
	}
	fps := int(math.Round(front.FPS))
	clients := map[string]stateClient{}
	for v := range h.viewers {
		if v.feed == feeds[0] || v.feed == feeds[len(feeds)-1] {
			clients[strconv.FormatUint(v.id, 16)] = stateClient{FPS: int(v.rate.last.Load()), Key: cmp.Or(v.key, "0")}
		}
	}
	return state{OK: true, Result: stateResult{
		Encoder: stateEncoder{Type: "HW"},
		Source: stateSource{
			Resolution:  stateResolution{front.Width, front.Height},
			Online:      front.Status == statusLive,
			DesiredFPS:  fps,
			CapturedFPS: fps,
		},
		Stream: stateStream{QueuedFPS: fps, Clients: len(clients), ClientsStat: clients},
	}}
}
