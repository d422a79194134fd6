package sink

import (
	"time"

	"udpcam/protocol/hub"
	"udpcam/protocol/mjpeg"
)

// HubStats are a [Hub]'s figures. Counts are since the start.
type HubStats struct {
	Connected string // the hub, "" while there is none
	Trouble   string // why there is none
	Streams   int
	Edges     int    // who watch, for each stream
	Flying    int    // frames on their way
	Sent      uint64 // copies of frames
	SentBytes uint64
	Skipped   uint64 // frames that an edge had no room for
	Lost      uint64 // frames that did not arrive, as far as can be known
	TooBig    uint64 // frames that are larger than the hub takes
}

// tell publishes an Info if other streams are offered, or fall silent, or come back.
func (h *Hub) tell() {
	now := time.Now()
	info := h.info(now)
	streams := info.Site
	for _, s := range info.Streams {
		state := " live"
		if s.FPS == 0 {
			state = " silent"
		}
		streams += "\n" + string(s.Name) + state
	}
	h.mu.Lock()
	same := streams == h.told
	h.told = streams
	h.mu.Unlock()
	if !same && h.conn.Publish(hub.InfoSubject(h.instance), info.Encode()) != nil {
		h.mu.Lock()
		h.told = ""
		h.mu.Unlock()
	}
}

func (h *Hub) info(now time.Time) hub.Info {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := hub.Info{Kind: hub.KindPublisher, Instance: h.instance, Site: h.options.Site, Hub: h.server,
		Version: h.options.Version, Gone: h.closed}
	for name, s := range h.streams {
		size, _ := mjpeg.Size(s.frame.JPEG)
		edges, _ := s.offer.Edges(now)
		info := hub.StreamInfo{Name: []byte(name), Width: size.X, Height: size.Y, Edges: edges, FPS: hub.Round(s.offer.FPS(now))}
		if came := s.offer.Came(); !came.IsZero() {
			info.Age = hub.Round(now.Sub(came).Seconds())
		}
		i.Streams = append(i.Streams, info)
	}
	i.Sort()
	return i
}

// Stats returns the present figures.
func (h *Hub) Stats() HubStats {
	trouble := h.conn.State().Trouble
	h.mu.Lock()
	defer h.mu.Unlock()
	stats := h.stats
	stats.Streams = len(h.streams)
	if stats.Trouble = trouble; trouble == "" {
		stats.Connected = h.server
	}
	for _, s := range h.streams {
		edges, flying := s.offer.Edges(time.Now())
		stats.Edges += edges
		stats.Flying += flying
		stats.Skipped += s.offer.Skipped
		stats.Lost += s.offer.Lost
	}
	return stats
}
