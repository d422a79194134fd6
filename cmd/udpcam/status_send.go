package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"udpcam/sender"
	src "udpcam/sender/source"
)

// A sendStatus is the status of send. Counts are since the start; rates are the last second's.
type sendStatus struct {
	Time time.Time `json:"time"`
	rate
	Frames     uint64            `json:"frames"`      // sent, however many receivers there are
	FrameBytes uint64            `json:"frame_bytes"` // in them
	Datagrams  uint64            `json:"datagrams"`   // to all receivers together
	WireBytes  uint64            `json:"wire_bytes"`  // in them, without IP and UDP headers
	Failed     uint64            `json:"failed"`      // how often a frame could not be sent to a receiver
	Skipped    uint64            `json:"skipped"`     // what the source brought that was not sent
	SkippedBy  map[string]uint64 `json:"skipped_by"`  // the same by reason
	Parity     uint64            `json:"parity"`      // datagrams that carry parity
	Requests   uint64            `json:"requests"`    // what receivers asked for
	Answered   uint64            `json:"answered"`    // datagrams in answer to that
	Receivers  []receiverStatus  `json:"receivers"`
	cost

	source string
}

// A receiverStatus is what is known of one address that is sent to.
type receiverStatus struct {
	Addr    netip.AddrPort          `json:"addr"`
	State   sender.DestinationState `json:"state"`
	Trouble string                  `json:"trouble,omitempty"` // what is wrong, and what to look at
	RTT     *float64                `json:"rtt_ms"`            // null if it is not known
	Loss    float64                 `json:"loss"`              // share of datagrams, 0 to 1
	Limit   float64                 `json:"limit_mbit_s"`      // what the path carries, 0 if it carries all that is sent
}

// receivers is what is known of the addresses that are sent to.
func receivers(to *sender.Sender) (all []receiverStatus) {
	for _, d := range to.Destinations() {
		r := receiverStatus{Addr: d.Addr, State: d.State, Trouble: d.Trouble(), Loss: round(d.Loss, 4), Limit: round(d.Limit/1e6, 2)}
		if d.RTT > 0 {
			r.RTT = milliseconds(d.RTT)
		}
		all = append(all, r)
	}
	return all
}

// line implements status.
func (s sendStatus) line() string {
	if s.Frames == 0 {
		return "waiting for a picture from " + s.source
	}
	parts := []string{s.rate.String(), count(s.Frames, "frame"), count(s.Failed, "error")}
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	if s.Delay > 0 {
		parts = append(parts, s.cost.String())
	}
	for _, r := range s.Receivers {
		if r.Trouble != "" {
			parts = append(parts, r.Trouble)
		}
	}
	return strings.Join(parts, "  ")
}

// A sendReport makes a sendStatus once a second.
type sendReport struct {
	source  string // its name
	to      *sender.Sender
	skipped *tally
	costs   *costs
	log     *slog.Logger

	speed    meter
	skipping complaint
}

func newSendReport(s *session, source string, to *sender.Sender, skipped *tally, costs *costs) *sendReport {
	return &sendReport{
		source: source, to: to, skipped: skipped, costs: costs, log: s.log,
		speed:    meter{at: s.began},
		skipping: complaint{message: skipMessage, key: "reason", quiet: []string{src.Repeated}},
	}
}

// sample implements reporter.
func (r *sendReport) sample(now time.Time) status {
	total, skipped := r.to.Stats(), r.left()
	r.skipping.log(r.log, skipped)
	return sendStatus{
		Time:       now,
		rate:       r.speed.read(total.Frames, total.FrameBytes, now),
		Frames:     total.Frames,
		FrameBytes: total.FrameBytes,
		Datagrams:  total.Datagrams,
		WireBytes:  total.WireBytes,
		Failed:     total.Failed,
		Skipped:    sum(skipped),
		SkippedBy:  skipped,
		Parity:     total.Parity,
		Requests:   total.Requests,
		Answered:   total.Answered,
		Receivers:  receivers(r.to),
		cost:       r.costs.read(),
		source:     r.source,
	}
}

// left is what was not sent, by reason: the source's reasons, and that the path takes no more.
func (r *sendReport) left() map[string]uint64 {
	skipped := r.skipped.totals()
	if n := r.to.Stats().Skipped; n > 0 {
		skipped["overload"] = n
	}
	return skipped
}

// summary implements reporter.
func (r *sendReport) summary(took time.Duration) {
	total := r.to.Stats()
	r.log.Info("sent", "frames", total.Frames, "bytes", total.FrameBytes, "datagrams", total.Datagrams,
		"failed", total.Failed, "parity", total.Parity, "answered", total.Answered, counted("skipped", r.left()), "seconds", round(took.Seconds(), 1))
}

// frames implements reporter.
func (r *sendReport) frames() uint64 { return r.to.Stats().Frames }
