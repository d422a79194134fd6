package web

import (
	"net/netip"
	"testing"
	"time"

	"udpcam/protocol"
)

// lossy is a receiver of one stream, "door", over a network that loses packets.
type lossy struct{}

func (lossy) Stats() protocol.Stats {
	st := protocol.Stats{Frames: 90, Datagrams: 4800, Requests: 7, Pending: 1234}
	st.LeftOut[protocol.DatagramForeign] = 3
	return st
}

func (lossy) Streams() []protocol.StreamInfo {
	info := protocol.StreamInfo{
		Name: "door", From: netip.MustParseAddrPort("192.0.2.1:5000"), RTT: 20 * time.Millisecond, ClockKnown: true, Sealed: true, Key: 0x3fa9,
		Stats: protocol.Stats{Frames: 90, Expected: 5000, Received: 4750, Skipped: 11, ByParity: 40, ByRequest: 5},
	}
	info.Stats.Dropped[protocol.FrameLate] = 2
	return []protocol.StreamInfo{info}
}

// ahead is a receiver whose sender's clock is an hour ahead.
type ahead struct{ lossy }

func (ahead) Streams() []protocol.StreamInfo {
	infos := lossy{}.Streams()
	infos[0].ClockOffset = time.Hour
	return infos
}

// The API says how a stream comes over the network. All its times are by this machine's clock.
func TestLinks(t *testing.T) {
	h := New(quiet(Config{}))
	h.ReceiveFrom(ahead{})
	for i := range 100 {
		f := frame(0, picture(t, 5))
		f.Stream, f.Captured = "door", time.Now().Add(time.Hour-time.Duration(i)*10*time.Millisecond)
		h.Put(f)
	}
	put(h, "elsewhere", picture(t, 5))
	infos := h.streamInfos()
	door, elsewhere := infos[0], infos[1]
	if elsewhere.Link != nil || door.Link == nil || door.Link.Expected != 5000 || *door.Link.RTT != 20 || door.Link.DroppedBy["late"] != 2 {
		t.Errorf("%+v, %+v", door.Link, elsewhere.Link)
	}
	if !door.Link.Sealed || door.Link.Key != "3fa9" {
		t.Errorf("the stream is sealed: %+v", door.Link)
	}
	if d := door.Delay; d == nil || d.Median < 500 || d.Median > 700 || d.P99 < 990 || d.P99 > 1200 {
		t.Errorf("%+v", d)
	}
}
