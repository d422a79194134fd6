package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/receiver/sink"
)

// A recvStatus is the status of recv and demo. Counts are since the start. Rates, loss and delay are of the last second.
type recvStatus struct {
	progress                      // of whole frames
	Dropped     uint64            `json:"dropped"`      // frames that did not become whole, or were damaged
	DroppedBy   map[string]uint64 `json:"dropped_by"`   // the same by reason
	Skipped     uint64            `json:"skipped"`      // frames that senders left out, because the path does not carry all
	Datagrams   uint64            `json:"datagrams"`    // all that came
	LeftOut     uint64            `json:"left_out"`     // datagrams that were of no use
	LeftOutBy   map[string]uint64 `json:"left_out_by"`  // the same by reason
	Loss        float64           `json:"loss"`         // of datagrams as they were first sent, 0 to 1
	ByParity    uint64            `json:"by_parity"`    // frames that are whole thanks to parity
	ByRequest   uint64            `json:"by_request"`   // frames that are whole thanks to answered requests
	Requests    uint64            `json:"requests"`     // datagrams that asked a sender for what was lost
	Delay       *float64          `json:"delay_ms"`     // since capture, the median; of several streams the worst
	Viewers     int               `json:"viewers"`      // over HTTP
	OutsDropped map[string]uint64 `json:"outs_dropped"` // frames that came too fast for an --out, by its name
	OutsFailing map[string]string `json:"outs_failing"` // why an --out is not written at present, by its name
	Streams     []streamStatus    `json:"streams"`
	Hub         *publishedStatus  `json:"hub"` // null without --hub

	Subscriptions []subscriptionStatus `json:"subscriptions"`

	idle string // the line before anything has come
}

// A streamStatus is one stream of a recvStatus.
type streamStatus struct {
	Name   string   `json:"name"`
	From   string   `json:"from"`      // IP address and port
	Width  int      `json:"width"`     // in pixels, 0 if unknown
	Height int      `json:"height"`    // likewise
	FPS    float64  `json:"fps"`       // frames in the last second
	Delay  *float64 `json:"delay_ms"`  // since capture, the median; null if there is none or the clocks differ
	Silent int64    `json:"silent_ms"` // since its last datagram came
	Sealed bool     `json:"sealed"`
	Key    string   `json:"key,omitempty"` // ID of the key that it is sealed with

	// RTT is the round trip to the sender. Uncertainty is how wrong Delay may be, because sender and receiver have two
	// clocks. Both are null if they have not been measured. Delay is then the plain difference of the two clocks.
	RTT         *float64 `json:"rtt_ms"`
	Uncertainty *float64 `json:"delay_uncertainty_ms"`

	skewed bool // whether the clocks differ
}

func (s recvStatus) line() string {
	var troubles []string
	for _, sub := range s.Subscriptions {
		if sub.Trouble != "" {
			troubles = append(troubles, sub.Trouble)
		}
	}
	if s.Datagrams == 0 {
		return strings.Join(append([]string{s.idle}, troubles...), "  ")
	}
	var parts []string
	if len(s.OutsFailing) > 0 {
		parts = append(parts, "NOT WRITTEN: "+strings.Join(slices.Sorted(maps.Keys(s.OutsFailing)), ", "))
	}
	parts = append(parts, s.progress.String(), fmt.Sprintf("%d dropped", s.Dropped), fmt.Sprintf("loss %.1f %%", 100*s.Loss))
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	if s.ByParity+s.ByRequest > 0 {
		parts = append(parts, fmt.Sprintf("%d repaired", s.ByParity+s.ByRequest))
	}
	if s.Delay != nil {
		parts = append(parts, "delay "+s.delay())
	} else if slices.ContainsFunc(s.Streams, func(s streamStatus) bool { return s.skewed }) {
		parts = append(parts, "delay unknown: clocks differ")
	}
	if len(s.Streams) > 0 && s.Streams[0].Sealed { // then all are
		parts = append(parts, "sealed")
	}
	if n := len(s.Streams); n > 1 {
		parts = append(parts, plural(n, "stream"))
	}
	if s.Viewers > 0 {
		parts = append(parts, plural(s.Viewers, "viewer"))
	}
	return strings.Join(append(parts, troubles...), "  ")
}

// delay is the delay of the slowest stream, with its uncertainty if one decimal can show it.
func (s recvStatus) delay() string {
	for _, stream := range s.Streams {
		if stream.Delay == s.Delay && stream.Uncertainty != nil && *stream.Uncertainty >= 0.05 {
			return fmt.Sprintf("%.1f ±%.1f ms", *s.Delay, *stream.Uncertainty)
		}
	}
	return fmt.Sprintf("%.1f ms", *s.Delay)
}

func (s recvStatus) summary() (message string, attrs []any) {
	return "received", []any{"frames", s.Frames, "bytes", s.FrameBytes, counted("dropped", s.DroppedBy), "skipped", s.Skipped,
		"by_parity", s.ByParity, "by_request", s.ByRequest, "datagrams", s.Datagrams, counted("left_out", s.LeftOutBy),
		counted("outs_dropped", s.OutsDropped)}
}

// receiving is the work of recv and demo, as its watch sees it.
type receiving struct {
	*session
	from    *receiver.Receiver
	to      *outputs
	untimed bool        // frames do not carry when they were captured
	idle    string      // the status line before anything has come
	invite  *invitation // nil in demo
	strange bool        // the log has said that only datagrams of another wire come

	arrivals collected[arrival]
	roster   roster
	told     map[receiver.Subscription]string // the trouble of each subscription that the log has told of
	last     progress
	before   protocol.Stats // at the last sample
}

func newReceiving(s *session, from *receiver.Receiver, to *outputs) *receiving {
	return &receiving{session: s, from: from, to: to, idle: "waiting for a stream on " + from.LocalAddr().String(),
		last: progress{Time: s.began}}
}

// harmless are reasons for leaving out a datagram that need no warning. Some are normal with repair and reordering. The
// receiver itself logs the others.
var harmless = []string{
	protocol.DatagramLate.String(), protocol.DatagramSpare.String(), protocol.DatagramDuplicate.String(),
	protocol.DatagramSealed.String(), protocol.DatagramUnsealed.String(), protocol.DatagramUnannounced.String(),
	protocol.DatagramUnwanted.String(),
}

func (w *receiving) sample(now time.Time) status {
	total, streams := w.from.Stats(), w.streams(now)
	w.last = w.last.next(now, total.Frames, total.FrameBytes)
	s := recvStatus{
		progress:    w.last,
		Dropped:     total.Dropped.Total(),
		DroppedBy:   total.Dropped.Map(),
		Skipped:     total.Skipped,
		Datagrams:   total.Datagrams,
		LeftOut:     total.LeftOut.Total(),
		LeftOutBy:   total.LeftOut.Map(),
		ByParity:    total.ByParity,
		ByRequest:   total.ByRequest,
		Requests:    total.Requests,
		OutsDropped: w.to.dropped(),
		OutsFailing: w.to.failing(now),
		Streams:     streams,
		Hub:         w.to.hub.status(),
		idle:        w.idle,

		Subscriptions: w.subscriptions(now),
	}
	if w.to.server != nil {
		s.Viewers = w.to.server.Stats().Viewers
	}
	if expected := total.Expected - w.before.Expected; expected > 0 {
		s.Loss = round(1-float64(total.Received-w.before.Received)/float64(expected), 4)
	}
	for _, stream := range s.Streams {
		if d := stream.Delay; d != nil && (s.Delay == nil || *d > *s.Delay) {
			s.Delay = d
		}
	}
	w.before = total
	w.roster = w.roster.next(w.log, s.Streams)
	w.complain("datagrams left out", "reason", s.LeftOutBy, harmless...)
	w.complain(skipMessage, "reason", w.skipped.totals(), sink.SkipOld, sink.SkipHidden, sink.SkipBetween)
	w.complain("pictures left out: the output is too slow", "out", s.OutsDropped, slices.Collect(maps.Keys(s.OutsFailing))...)
	foreign := total.LeftOut[protocol.DatagramForeign]
	if foreign > 0 && total.Frames == 0 && len(s.Streams) == 0 && !w.strange {
		w.strange = true
		advice := "if a script sends the classic wire, try --wire classic"
		if w.untimed {
			advice = "if udpcam sends them, try without --wire classic"
		}
		w.log.Warn("datagrams come, but none of this wire: "+advice, "datagrams", foreign)
	}
	w.to.report(s.Streams, now)
	if w.invite != nil {
		w.invite.remind(w.log, now.Sub(w.began), total.Frames > 0 || len(s.Streams) > 0)
	}
	return s
}

func (w *receiving) frames() uint64 { return w.from.Stats().Frames }
