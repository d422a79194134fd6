package main

import (
	"context"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/internal/hubconn"
	"udpcam/receiver"
	"udpcam/receiver/sink"
	"udpcam/receiver/web"
)

// A hubOutput publishes what recv receives.
type hubOutput struct {
	sink *sink.Hub
	conn *hubconn.Conn

	mu     sync.Mutex
	from   *receiver.Receiver // nil at first
	asked  time.Time
	clocks map[string]time.Duration // by which the cameras' clocks are ahead, as of when they were asked for
}

// openHub opens the output of --hub, if the flag is given.
func (o *outputs) openHub(ctx context.Context, c *cli.Context, s *session) error {
	conn, err := dialHub(ctx, c, s.log, false)
	if conn == nil || err != nil {
		return err
	}
	h := &hubOutput{conn: conn}
	h.sink, err = sink.NewHub(
		conn,
		sink.HubOptions{Site: siteOf(c), Version: c.App.Version, Clock: h.clock, Skip: s.skipped.count},
	)
	if err != nil {
		return err
	}
	o.hub = h
	o.left.Add(1)
	return nil
}

// clock returns by how much the clock of a stream's camera is ahead. What it knows is at most a second old.
func (h *hubOutput) clock(stream string) (offset time.Duration, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); h.from != nil && now.Sub(h.asked) >= time.Second {
		h.asked, h.clocks = now, map[string]time.Duration{}
		for _, s := range h.from.Streams() {
			if s.ClockKnown {
				h.clocks[s.Name] = s.ClockOffset
			}
		}
	}
	offset, known = h.clocks[stream]
	return offset, known
}

func (h *hubOutput) receiveFrom(r *receiver.Receiver) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.from = r
}

func (h *hubOutput) close() {
	h.sink.Close()
	h.conn.Close()
}

// metrics are those of a publisher.
func (o *outputs) metrics() []web.Metric {
	if o.hub == nil {
		return nil
	}
	s := o.hub.sink.Stats()
	return append(connectedMetrics(s.Connected), []web.Metric{
		{Name: "hub_published_streams", Help: "Streams that are offered at the hub.", Value: float64(s.Streams)},
		{Name: "hub_edges", Help: "Edges that watch, the sum over all streams.", Value: float64(s.Edges)},
		{Name: "hub_frames_flying", Help: "Frames on their way to edges.", Value: float64(s.Flying)},
		{Name: "hub_sent_frames_total", Help: "Frames sent to edges.", Value: float64(s.Sent), Counter: true},
		{Name: "hub_sent_bytes_total", Help: "Bytes of frames sent to edges.", Value: float64(s.SentBytes), Counter: true},
		{
			Name:    "hub_skipped_frames_total",
			Help:    "Frames that the way to an edge was too slow for.",
			Value:   float64(s.Skipped),
			Counter: true,
		},
		{
			Name:    "hub_lost_frames_total",
			Help:    "Frames that did not arrive at an edge.",
			Value:   float64(s.Lost),
			Counter: true,
		},
		{
			Name:    "hub_too_big_frames_total",
			Help:    "Frames larger than the hub takes.",
			Value:   float64(s.TooBig),
			Counter: true,
		},
	}...)
}

func connectedMetrics(hub string) []web.Metric {
	connected := 0.
	if hub != "" {
		connected = 1
	}
	return []web.Metric{{Name: "hub_connected", Help: "1 if there is a connection to a hub.", Value: connected}}
}

// A publishedStatus is what the status of recv tells of --hub.
type publishedStatus struct {
	Connected string `json:"connected"` // the hub, "" while there is none
	Trouble   string `json:"trouble"`   // why there is none
	Edges     int    `json:"edges"`     // who watch, the sum over all streams
	Sent      uint64 `json:"sent"`      // frames
	Skipped   uint64 `json:"skipped"`   // frames that the way to an edge was too slow for
	Lost      uint64 `json:"lost"`      // frames that did not arrive
}

func (h *hubOutput) status() *publishedStatus {
	if h == nil {
		return nil
	}
	s := h.sink.Stats()
	return &publishedStatus{s.Connected, s.Trouble, s.Edges, s.Sent, s.Skipped, s.Lost}
}
