package web

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// object is a JSON object.
type object = map[string]any

// serveState answers for the front stream as ustreamer does at /state, for programs made to read that:
// https://github.com/pikvm/ustreamer, src/ustreamer/http/server.c. Fields without a counterpart here have the values that
// ustreamer gives for a camera that makes JPEGs itself ("HW").
func (s *Server) serveState(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	var front streamInfo
	feeds := []*feed{s.streams.frontFeed}
	for _, st := range s.streams.view(now) {
		if st.front {
			front, feeds = s.infoOf(st, now), append(feeds, st.feed)
		}
	}
	clients := object{}
	for _, v := range s.viewers.list() {
		if slices.Contains(feeds, v.feed) {
			clients[strconv.FormatUint(v.id, 16)] = object{
				"fps": v.rate.Load(), "key": cmp.Or(v.key, "0"), "extra_headers": false, "advance_headers": false,
				"dual_final_frames": false, "zero_data": false,
			}
		}
	}
	fps := int(math.Round(front.FPS))
	writeJSON(w, http.StatusOK, object{"ok": true, "result": object{
		"instance_id": "",
		"encoder":     object{"type": "HW", "quality": 0},
		"source": object{
			"resolution":   object{"width": front.Width, "height": front.Height},
			"online":       front.Status == statusLive,
			"desired_fps":  fps,
			"captured_fps": fps,
		},
		"stream": object{"queued_fps": fps, "clients": len(clients), "clients_stat": clients},
	}})
}
