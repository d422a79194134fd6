package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"udpcam/protocol/mjpeg"
)

// The states of a stream. In /healthz they are also those of the whole server.
const (
	statusLive    = "live"    // pictures come
	statusQuiet   = "quiet"   // they have stopped coming
	statusIdle    = "idle"    // nobody watches, and the source is closed until somebody does
	statusWaiting = "waiting" // none has come yet
	statusFailing = "failing" // a source on demand cannot be opened, or broke; or an output fails
)

// health is the answer of /healthz and of /api/v1/streams.
type health struct {
	Status     string       `json:"status"`
	Error      string       `json:"error,omitempty"` // of a source on demand; in /healthz also of an output
	Viewers    int          `json:"viewers"`
	MaxViewers int          `json:"max_viewers"`
	Streams    []streamInfo `json:"streams"`
	Outputs    []outputInfo `json:"outputs,omitempty"` // only in /healthz, for monitors
}

// outputInfo tells how an output does, see [Output].
type outputInfo struct {
	Name  string     `json:"name"`
	OK    bool       `json:"ok"`
	Error string     `json:"error,omitempty"`
	Since *time.Time `json:"since,omitempty"`
}

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

	Origin *originInfo `json:"origin,omitempty"` // of a stream that comes by way of a hub

	Frames uint64     `json:"frames"`
	Bytes  uint64     `json:"bytes"`
	Delay  *delayInfo `json:"delay"` // of the last pictures, from capture until they came here; null if clocks differ
	Link   *linkInfo  `json:"link"`  // null if the pictures do not come over the network, or if nothing is known of that
}

// originInfo tells where a stream comes from, see [Origin].
type originInfo struct {
	Site        string  `json:"site"`
	Hub         string  `json:"hub"`
	RTT         float64 `json:"rtt_ms"`         // to there; 0 if not known
	Uncertainty float64 `json:"uncertainty_ms"` // of the delay
	Trouble     string  `json:"trouble,omitempty"`
	Untimed     bool    `json:"untimed,omitempty"` // how old pictures are is not known
}

type delayInfo struct {
	Median float64 `json:"median_ms"`
	P99    float64 `json:"p99_ms"`
}

// linkInfo tells how a stream comes over the network, see [protocol.StreamInfo].
type linkInfo struct {
	From      string            `json:"from"`
	RTT       *float64          `json:"rtt_ms"` // null if it is not known
	Frames    uint64            `json:"frames"`
	Dropped   uint64            `json:"dropped"`
	DroppedBy map[string]uint64 `json:"dropped_by"`
	Expected  uint64            `json:"expected"` // datagrams, as they were first sent
	Received  uint64            `json:"received"` // how many of Expected came
	ByParity  uint64            `json:"by_parity"`
	ByRequest uint64            `json:"by_request"`
	Sealed    bool              `json:"sealed"`        // encrypted and authenticated on its way
	Key       string            `json:"key,omitempty"` // ID of the key that it is sealed with
}

// serveAPI answers with everything about the streams.
func (s *Server) serveAPI(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.health())
}

func (s *Server) serveStreams(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.streamInfos())
}

// serveHealth answers 200 if pictures come, or would come if somebody watched, and no output fails. Else it answers 503.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	health := s.health()
	for _, o := range s.outputs() {
		info := outputInfo{Name: o.Name, OK: o.Err == "", Error: o.Err}
		if !o.Since.IsZero() {
			info.Since = &o.Since
		}
		health.Outputs = append(health.Outputs, info)
		if o.Err != "" {
			health.Status = statusFailing
			health.Error = cmp.Or(health.Error, fmt.Sprintf("%s: %s", o.Name, o.Err))
		}
	}
	status := http.StatusServiceUnavailable
	if health.Status == statusLive || health.Status == statusIdle {
		status = http.StatusOK
	}
	writeJSON(w, status, health)
}

// outputs returns the state of each output.
func (s *Server) outputs() []Output {
	if s.config.Outputs == nil {
		return nil
	}
	return s.config.Outputs()
}

func (s *Server) health() health {
	answer := health{Viewers: s.viewers.count(), MaxViewers: s.config.MaxViewers, Streams: s.streamInfos()}
	idle, err := s.sourcesState()
	if s.config.Trouble != nil && err == nil {
		if text := s.config.Trouble(); text != "" {
			err = errors.New(text)
		}
	}
	if err != nil {
		answer.Error = err.Error()
	}
	switch {
	case slices.ContainsFunc(answer.Streams, func(s streamInfo) bool { return s.Status == statusLive }):
		answer.Status = statusLive
	case err != nil:
		answer.Status = statusFailing
	case idle:
		answer.Status = statusIdle
	case slices.ContainsFunc(answer.Streams, func(s streamInfo) bool { return s.Frames > 0 }):
		answer.Status = statusQuiet
	default:
		answer.Status = statusWaiting
	}
	return answer
}

// streamInfos lists the streams by name.
func (s *Server) streamInfos() []streamInfo {
	now := time.Now()
	list := []streamInfo{} // [] rather than null
	for _, st := range s.streams.view(now) {
		list = append(list, s.infoOf(st, now))
	}
	return list
}

func (s *Server) infoOf(st streamView, now time.Time) streamInfo {
	info := streamInfo{
		Name:    st.name,
		Path:    pagePath(st.name),
		Front:   st.front,
		Status:  statusQuiet,
		Every:   math.Round(st.interval.Seconds()*1e6) / 1e6,
		Viewers: st.watchers,
		Frames:  st.total,
		Bytes:   st.bytes,
		Link:    s.linkOf(st.name, now),
	}
	if !st.last.IsZero() {
		info.Age = math.Round(now.Sub(st.last).Seconds()*1000) / 1000
	}
	if s.config.Origin != nil {
		if o, ok := s.config.Origin(st.name); ok {
			info.Origin = &originInfo{o.Site, o.Hub, milliseconds(o.RTT), milliseconds(o.Uncertainty), o.Trouble, o.Untimed}
		}
	}
	if median, p99, ok := st.delays.quantiles(); ok {
		if info.Origin == nil || !info.Origin.Untimed {
			info.Delay = &delayInfo{milliseconds(median), milliseconds(p99)}
		}
	}
	if p := st.feed.newest.Load().part; p != nil {
		if size, err := mjpeg.Size(p.frame.JPEG); err == nil {
			info.Width, info.Height = size.X, size.Y
		}
	}
	switch {
	case st.live:
		info.Status = statusLive
		info.FPS = math.Round(st.fps()*10) / 10
	case st.resting && st.source != nil:
		info.Status = statusIdle
	}
	return info
}

func (s *Server) linkOf(stream string, now time.Time) *linkInfo {
	link, ok := s.links.of(stream, now)
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
	if info.Sealed = link.Sealed; link.Sealed {
		info.Key = link.Key.String()
	}
	if link.ClockKnown {
		rtt := milliseconds(link.RTT)
		info.RTT = &rtt
	}
	return info
}

// milliseconds returns d in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// writeJSON answers with v, of a type that can always be encoded.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // fails only if the client has left
}
