package web

import "sync/atomic"

// Stats is what has gone through a [Hub] since it was made, and how many are there now.
type Stats struct {
	Streams   int    // streams that are known now, live or quiet
	Viewers   int    // viewers of streams now
	FramesIn  uint64 // frames that were put
	Dropped   uint64 // frames that were not taken, see Config.Skip
	FramesOut uint64 // pictures written whole to viewers
	BytesOut  uint64 // bytes written to viewers, multipart headers included
	Skipped   uint64 // pictures that viewers missed because they were behind
	Stalled   uint64 // viewers closed because they did not take a picture within Config.StallTimeout
	Refused   uint64 // viewers refused because there were Config.MaxViewers
	// Unauthorized counts requests without the right password or token.
	Unauthorized uint64
}

type counters struct {
	in, dropped, out, bytes, skipped, stalled, refused atomic.Uint64
}

// Stats returns the present figures.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{
		Streams:   len(h.streams),
		Viewers:   len(h.viewers),
		FramesIn:  h.count.in.Load(),
		Dropped:   h.count.dropped.Load(),
		FramesOut: h.count.out.Load(),
		BytesOut:  h.count.bytes.Load(),
		Skipped:   h.count.skipped.Load(),
		Stalled:   h.count.stalled.Load(),
		Refused:   h.count.refused.Load(),

		Unauthorized: h.login.refusals(),
	}
}
