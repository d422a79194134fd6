package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"udpcam/protocol"
	"udpcam/receiver/sink"
)

// A relayStatus is the status of relay. Counts are since the start. Rates and delays are of the last second.
type relayStatus struct {
	progress                    // of whole frames that came
	Dropped   uint64            `json:"dropped"`    // frames that did not become whole, or were damaged
	DroppedBy map[string]uint64 `json:"dropped_by"` // the same by reason
	Skipped   uint64            `json:"skipped"`    // frames that came and were not sent on
	SkippedBy map[string]uint64 `json:"skipped_by"` // the same by reason
	Wanted    bool              `json:"wanted"`     // whether somebody wants streams
	Streams   []passedStatus    `json:"streams"`

	Subscriptions []subscriptionStatus `json:"subscriptions"` // to the senders of --from

	idle string // the line before anything has come
}

// A passedStatus is a stream that is passed on.
type passedStatus struct {
	streamStatus                  // as it comes in
	Receivers    []receiverStatus `json:"receivers"`
}

func (s relayStatus) line() string {
	var parts []string
	for _, sub := range s.Subscriptions {
		if sub.Trouble != "" {
			parts = append(parts, sub.Trouble)
		}
	}
	if s.Frames == 0 {
		return strings.Join(append(parts, s.idle), "  ")
	}
	receivers := 0
	for _, stream := range s.Streams {
		receivers += len(stream.Receivers)
	}
	parts = append(parts, s.progress.String(), fmt.Sprintf("%d dropped", s.Dropped))
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	parts = append(parts, plural(len(s.Streams), "stream"))
	if s.Wanted {
		parts = append(parts, plural(receivers, "receiver"))
	} else {
		parts = append(parts, "nobody watches")
	}
	return strings.Join(parts, "  ")
}

func (s relayStatus) summary() (message string, attrs []any) {
	return "relayed", []any{"frames", s.Frames, "bytes", s.FrameBytes,
		counted("dropped", s.DroppedBy), counted("skipped", s.SkippedBy)}
}

func (r *relaying) sample(now time.Time) status {
	total, streams := r.from.Stats(), r.streams(now)
	r.last = r.last.next(now, total.Frames, total.FrameBytes)
	s := relayStatus{
		progress:  r.last,
		Dropped:   total.Dropped.Total(),
		DroppedBy: total.Dropped.Map(),
		SkippedBy: r.skipped.totals(),
		Wanted:    r.wanted(),
		Streams:   []passedStatus{},

		Subscriptions: r.subscriptions(now),

		idle: r.idle,
	}
	r.mu.Lock()
	superseded := r.superseded
	for _, p := range r.passed {
		s.Streams = append(s.Streams, p.status(streams, now))
		superseded += p.queue.Dropped()
	}
	r.mu.Unlock()
	if superseded > 0 {
		s.SkippedBy[sink.SkipOld] = superseded
	}
	s.Skipped = sum(s.SkippedBy)
	slices.SortFunc(s.Streams, func(a, b passedStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key))
	})
	r.roster = r.roster.next(r.log, streams)
	r.complain("datagrams left out", "reason", total.LeftOut.Map(), harmless...)
	r.complain("pictures are not passed on", "reason", s.SkippedBy, tooManyRelays, nameTaken)
	return s
}

// status describes a stream, of which streams may have what comes in.
func (p *passed) status(streams []streamStatus, now time.Time) (s passedStatus) {
	s.streamStatus = streamStatus{Name: p.name, Silent: now.Sub(p.last).Milliseconds(), Sealed: p.key != protocol.Key{}}
	if s.Sealed {
		s.Key = p.key.ID().String()
	}
	for _, in := range streams {
		if in.Name == s.Name && in.Key == s.Key {
			s.streamStatus = in
		}
	}
	if to := p.to.Load(); to != nil {
		s.Receivers = receiversAt(to)
	}
	return s
}
