package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"udpcam/protocol"
	"udpcam/sender"
	src "udpcam/sender/source"
)

// A sendStatus is the status of send. Counts are since the start. Rates and times are of the last second.
type sendStatus struct {
	progress                    // each frame counts once, also with several receivers
	Datagrams uint64            `json:"datagrams"`  // to all receivers together
	WireBytes uint64            `json:"wire_bytes"` // of datagrams, without IP and UDP headers
	Failed    uint64            `json:"failed"`     // how often a frame could not be sent to a receiver
	Skipped   uint64            `json:"skipped"`    // pictures of the source that were not sent
	SkippedBy map[string]uint64 `json:"skipped_by"` // the same by reason
	Parity    uint64            `json:"parity"`     // datagrams with parity
	Requests  uint64            `json:"requests"`   // from receivers, for what they miss
	Answered  uint64            `json:"answered"`   // datagrams sent in answer to requests
	Sealed    bool              `json:"sealed"`
	Key       string            `json:"key,omitempty"` // ID of the key that seals the stream
	Receivers []receiverStatus  `json:"receivers"`
	cost

	source string
}

// A receiverStatus is what is known of one receiver.
type receiverStatus struct {
	Addr    netip.AddrPort          `json:"addr"`
	State   sender.DestinationState `json:"state"`
	Trouble string                  `json:"trouble,omitempty"` // what is wrong, and what to do
	RTT     *float64                `json:"rtt_ms"`            // null if it is not known
	Loss    float64                 `json:"loss"`              // share of datagrams, 0 to 1
	Limit   float64                 `json:"limit_mbit_s"`      // what the path carries, 0 if it carries all that is sent
}

func (s sendStatus) line() string {
	if s.Frames == 0 {
		return "waiting for a picture from " + s.source
	}
	parts := []string{s.progress.String(), plural(s.Failed, "error")}
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	if s.Delay > 0 {
		parts = append(parts, s.cost.String())
	}
	if s.Sealed {
		parts = append(parts, "sealed")
	}
	for _, r := range s.Receivers {
		if r.Trouble != "" {
			parts = append(parts, r.Trouble)
		}
	}
	return strings.Join(parts, "  ")
}

func (s sendStatus) summary() (message string, attrs []any) {
	return "sent", []any{"frames", s.Frames, "bytes", s.FrameBytes, "datagrams", s.Datagrams, "failed", s.Failed,
		"parity", s.Parity, "answered", s.Answered, counted("skipped", s.SkippedBy)}
}

// sending is the work of send, as its watch sees it.
type sending struct {
	*session
	source           string // its name, without a password
	key              protocol.Key
	to               *sender.Sender
	delays, encoding collected[time.Duration]
	last             progress
}

func (w *sending) sample(now time.Time) status {
	total, skipped := w.to.Stats(), w.skipped.totals()
	if total.Skipped > 0 {
		skipped["overload"] = total.Skipped // the path carries fewer frames
	}
	w.complain(skipMessage, "reason", skipped, src.Repeated)
	w.last = w.last.next(now, total.Frames, total.FrameBytes)
	s := sendStatus{
		progress:  w.last,
		Datagrams: total.Datagrams,
		WireBytes: total.WireBytes,
		Failed:    total.Failed,
		Skipped:   sum(skipped),
		SkippedBy: skipped,
		Parity:    total.Parity,
		Requests:  total.Requests,
		Answered:  total.Answered,
		cost:      costOf(w.delays.next(), w.encoding.next()),
		source:    w.source,
	}
	if s.Sealed = w.key != (protocol.Key{}); s.Sealed {
		s.Key = w.key.ID().String()
	}
	for _, d := range w.to.Destinations() {
		r := receiverStatus{Addr: d.Addr, State: d.State, Trouble: d.Trouble()}
		r.Loss, r.Limit = round(d.Loss, 4), round(d.Limit/1e6, 2)
		if d.RTT > 0 {
			r.RTT = milliseconds(d.RTT)
		}
		s.Receivers = append(s.Receivers, r)
	}
	return s
}

func (w *sending) frames() uint64 { return w.to.Stats().Frames }

// A cost is the mean time that a frame of the last second took in this program, in milliseconds.
type cost struct {
	// Delay is from the camera driver's time, or from when the picture came, until the kernel has the whole frame.
	Delay    float64 `json:"delay_ms"`
	DelayMax float64 `json:"delay_max_ms"`
	Encoding float64 `json:"encode_ms"` // the part of Delay that encoding took, 0 for JPEGs that are passed on
}

func (c cost) String() string {
	text := fmt.Sprintf("%.1f ms to send", c.Delay)
	if c.Encoding > 0 {
		text += fmt.Sprintf(", %.1f encoding", c.Encoding)
	}
	return text
}

// costOf returns the mean cost of frames. Delays are how long the frames took to send, and encoding is the part that
// encoding took.
func costOf(delays, encoding []time.Duration) cost {
	mean := func(times []time.Duration) float64 {
		sum := time.Duration(0)
		for _, t := range times {
			sum += t
		}
		return round(sum.Seconds()*1000/float64(max(1, len(times))), 3)
	}
	longest := slices.Max(append(delays, 0))
	return cost{mean(delays), round(longest.Seconds()*1000, 3), mean(encoding)}
}
