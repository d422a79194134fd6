package main

import (
	"fmt"
	"image"
	"log/slog"
	"slices"
	"strings"
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/receiver/sink"
)

// A recvStatus is the status of recv and demo. Counts are since the start; rates, loss and delay are the last second's.
type recvStatus struct {
	Time time.Time `json:"time"`
	rate
	Frames      uint64            `json:"frames"`       // whole, and handed on
	FrameBytes  uint64            `json:"frame_bytes"`  // in them
	Dropped     uint64            `json:"dropped"`      // frames that did not become whole, or were not right
	DroppedBy   map[string]uint64 `json:"dropped_by"`   // the same by reason
	Datagrams   uint64            `json:"datagrams"`    // all that came
	LeftOut     uint64            `json:"left_out"`     // datagrams that were of no use
	LeftOutBy   map[string]uint64 `json:"left_out_by"`  // the same by reason
	Loss        float64           `json:"loss"`         // of datagrams as they were first sent, 0 to 1
	ByParity    uint64            `json:"by_parity"`    // frames that are whole thanks to parity
	ByRequest   uint64            `json:"by_request"`   // frames that are whole thanks to what was asked for
	Requests    uint64            `json:"requests"`     // datagrams that asked for something
	Delay       *float64          `json:"delay_ms"`     // since capture, the median; of several streams the worst
	Viewers     int               `json:"viewers"`      // over HTTP
	OutsDropped map[string]uint64 `json:"outs_dropped"` // frames that an --out was too slow for, by its name
	Streams     []streamStatus    `json:"streams"`

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
	Silent int64    `json:"silent_ms"` // how long ago its last datagram came

	// RTT is the round trip to the sender, and Uncertainty by how much Delay may be wrong because the clocks are two. Both
	// are null if they have not been measured: then Delay is by both machines' clocks as they are.
	RTT         *float64 `json:"rtt_ms"`
	Uncertainty *float64 `json:"delay_uncertainty_ms"`

	skewed bool // whether the clocks differ
}

// line implements status.
func (s recvStatus) line() string {
	if s.Datagrams == 0 {
		return s.idle
	}
	parts := []string{s.rate.String(), count(s.Frames, "frame"), fmt.Sprintf("%d dropped", s.Dropped),
		fmt.Sprintf("loss %.1f %%", 100*s.Loss)}
	if s.ByParity+s.ByRequest > 0 {
		parts = append(parts, fmt.Sprintf("%d repaired", s.ByParity+s.ByRequest))
	}
	if s.Delay != nil {
		parts = append(parts, "delay "+s.delay())
	} else if slices.ContainsFunc(s.Streams, func(s streamStatus) bool { return s.skewed }) {
		parts = append(parts, "delay unknown: clocks differ")
	}
	if n := len(s.Streams); n > 1 {
		parts = append(parts, count(n, "stream"))
	}
	if s.Viewers > 0 {
		parts = append(parts, count(s.Viewers, "viewer"))
	}
	return strings.Join(parts, "  ")
}

// delay is the delay of the slowest stream, with its uncertainty if that is known and not less than what is shown.
func (s recvStatus) delay() string {
	for _, stream := range s.Streams {
		if stream.Delay == s.Delay && stream.Uncertainty != nil && *stream.Uncertainty >= 0.05 {
			return fmt.Sprintf("%.1f ±%.1f ms", *s.Delay, *stream.Uncertainty)
		}
	}
	return fmt.Sprintf("%.1f ms", *s.Delay)
}

// A recvReport makes a recvStatus once a second, and logs what has changed since the last.
type recvReport struct {
	from    *receiver.Receiver
	to      *outputs
	skipped *tally // by sinks, in demo by the source
	timed   bool   // whether frames carry when they were captured
	idle    string // the status line before anything has come
	log     *slog.Logger

	arrivals arrivals
	roster   roster
	speed    meter
	before   protocol.Stats

	datagrams, sinks, slow complaint
}

func newRecvReport(s *session, from *receiver.Receiver, wire protocol.Wire, to *outputs, skipped *tally) *recvReport {
	harmless := []string{protocol.DatagramLate.String(), protocol.DatagramSpare.String(), protocol.DatagramDuplicate.String()}
	return &recvReport{
		from: from, to: to, skipped: skipped, timed: wire != protocol.WireClassic, log: s.log,
		idle:      "waiting for a stream on " + from.LocalAddr().String(),
		arrivals:  arrivals{since: s.began},
		speed:     meter{at: s.began},
		roster:    roster{},
		datagrams: complaint{message: "datagrams left out", key: "reason", quiet: harmless},
		sinks:     complaint{message: skipMessage, key: "reason", quiet: []string{sink.SkipOld, sink.SkipHidden, sink.SkipBetween}},
		slow:      complaint{message: "pictures left out: they are not taken fast enough", key: "out"},
	}
}

// sample implements reporter.
func (r *recvReport) sample(now time.Time) status {
	total := r.from.Stats()
	s := recvStatus{
		Time:        now,
		rate:        r.speed.read(total.Frames, total.FrameBytes, now),
		Frames:      total.Frames,
		FrameBytes:  total.FrameBytes,
		Dropped:     total.Dropped.Total(),
		DroppedBy:   total.Dropped.Map(),
		Datagrams:   total.Datagrams,
		LeftOut:     total.LeftOut.Total(),
		LeftOutBy:   total.LeftOut.Map(),
		ByParity:    total.ByParity,
		ByRequest:   total.ByRequest,
		Requests:    total.Requests,
		Viewers:     r.to.viewers(),
		OutsDropped: r.to.dropped(),
		Streams:     r.streams(now),
		idle:        r.idle,
	}
	if expected := total.Expected - r.before.Expected; expected > 0 {
		s.Loss = round(1-float64(total.Received-r.before.Received)/float64(expected), 4)
	}
	for _, stream := range s.Streams {
		if d := stream.Delay; d != nil && (s.Delay == nil || *d > *s.Delay) {
			s.Delay = d
		}
	}
	r.before = total
	r.roster.update(r.log, s.Streams)
	r.datagrams.log(r.log, s.LeftOutBy)
	r.sinks.log(r.log, r.skipped.totals())
	r.slow.log(r.log, s.OutsDropped)
	return s
}

// streams describes every stream that is received.
func (r *recvReport) streams(now time.Time) []streamStatus {
	arrived, period := r.arrivals.take(now)
	streams := []streamStatus{}
	for _, info := range r.from.Streams() {
		s := streamStatus{Name: info.Name, From: info.From.String(), Silent: now.Sub(info.Seen).Milliseconds()}
		if info.ClockKnown {
			s.RTT, s.Uncertainty = milliseconds(info.RTT), milliseconds(info.ClockUncertainty)
		}
		size := info.Announced.Size
		if a := arrived[info.Name]; a != nil {
			s.FPS = round(float64(len(a.delays))/period.Seconds(), 2)
			if r.timed {
				s.Delay, s.skewed = a.delay(info.ClockOffset)
			}
			if a.size != (image.Point{}) {
				size = a.size
			}
		}
		s.Width, s.Height = size.X, size.Y
		streams = append(streams, s)
	}
	return streams
}

// summary implements reporter.
func (r *recvReport) summary(took time.Duration) {
	total := r.from.Stats()
	r.log.Info("received", "frames", total.Frames, "bytes", total.FrameBytes, counted("dropped", total.Dropped.Map()),
		"by_parity", total.ByParity, "by_request", total.ByRequest, "datagrams", total.Datagrams, counted("left_out", total.LeftOut.Map()),
		counted("outs_dropped", r.to.dropped()), "seconds", round(took.Seconds(), 1))
}

// frames implements reporter.
func (r *recvReport) frames() uint64 { return r.from.Stats().Frames }

// quietAfter is how long a stream is silent before it is said to be.
const quietAfter = 3 * time.Second

// A roster logs which streams appear, fall quiet and come back, and when the size of their pictures changes. It is told
// once a second which streams there are.
type roster map[string]*attendance

type attendance struct {
	size  string // "" while unknown
	quiet bool
}

func (r roster) update(log *slog.Logger, streams []streamStatus) {
	present := map[string]bool{}
	for _, s := range streams {
		present[s.Name] = true
		size := ""
		if s.Width > 0 {
			size = fmt.Sprintf("%dx%d", s.Width, s.Height)
		}
		quiet := time.Duration(s.Silent)*time.Millisecond >= quietAfter
		a := r[s.Name]
		switch {
		case a == nil:
			a = &attendance{size: size}
			r[s.Name] = a
			log.Info("stream appears", "stream", s.Name, "from", s.From, "size", size)
		case quiet && !a.quiet:
			log.Info("stream is quiet", "stream", s.Name, "from", s.From)
		case !quiet && a.quiet:
			log.Info("stream is back", "stream", s.Name, "from", s.From)
		case size != "" && size != a.size:
			log.Info("picture size changes", "stream", s.Name, "size", size, "before", a.size)
		}
		a.quiet = quiet
		if size != "" {
			a.size = size
		}
	}
	for name := range r {
		if !present[name] {
			delete(r, name) // it has long been quiet
		}
	}
}
