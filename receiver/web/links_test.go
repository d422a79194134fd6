package web

import (
	"net/netip"
	"time"

	"udpcam/protocol"
)

// lossy is a receiver of one stream, "door", over a network that loses things.
type lossy struct{}

func (lossy) Stats() protocol.Stats {
	st := protocol.Stats{Frames: 90, Datagrams: 4800, Requests: 7, Pending: 1234}
	st.LeftOut[protocol.DatagramForeign] = 3
	return st
}

func (lossy) Streams() []protocol.StreamInfo {
	info := protocol.StreamInfo{
		Name: "door", From: netip.MustParseAddrPort("192.0.2.1:5000"), RTT: 20 * time.Millisecond, ClockKnown: true,
		Stats: protocol.StreamStats{Frames: 90, Expected: 5000, Received: 4750, ByParity: 40, ByRequest: 5},
	}
	info.Stats.Dropped[protocol.FrameLate] = 2
	return []protocol.StreamInfo{info}
}
