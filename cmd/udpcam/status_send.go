package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"udpcam/sender"
)

// A sendStatus is the status of send. Counts are since the start. Rates and times are of the last second.
type sendStatus struct {
	Stream    string            `json:"stream"` // its name
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
	Capturing bool              `json:"capturing"` // whether the source is open
	cost

	source string
	others bool // there are other streams
	idle   bool // nobody watches, so the source is closed
}

// A receiverStatus is what is known of one receiver.
type receiverStatus struct {
	Addr       netip.AddrPort          `json:"addr"`
	Subscribed bool                    `json:"subscribed"` // it came to --listen
	Skipped    uint64                  `json:"skipped"`    // frames that its path had no room for
	State      sender.DestinationState `json:"state"`
	Trouble    string                  `json:"trouble,omitempty"` // what is wrong, and what to do
	RTT        *float64                `json:"rtt_ms"`            // null if it is not known
	Loss       float64                 `json:"loss"`              // share of datagrams, 0 to 1
	Limit      float64                 `json:"limit_mbit_s"`      // what the path carries, 0 if it carries all that is sent
}

// receiversAt describes the receivers of a sender's stream.
func receiversAt(to *sender.Sender) []receiverStatus {
	all := []receiverStatus{}
	for _, d := range to.Destinations() {
		r := receiverStatus{Addr: d.Addr, Subscribed: d.Subscribed, Skipped: d.Skipped, State: d.State, Trouble: d.Trouble()}
		r.Loss, r.Limit = round(d.Loss, 4), round(d.Limit/1e6, 2)
		if d.RTT > 0 {
			r.RTT = milliseconds(d.RTT)
		}
		all = append(all, r)
	}
	return all
}

func (s sendStatus) line() string {
	switch {
	case s.idle:
		return "waiting for a receiver"
	case s.Frames == 0:
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
	if s.others {
		attrs = []any{"stream", s.Stream}
	}
	return "sent", append(attrs, "frames", s.Frames, "bytes", s.FrameBytes, "datagrams", s.Datagrams, "failed", s.Failed,
		"parity", s.Parity, "answered", s.Answered, counted("skipped", s.SkippedBy))
}

// together is the status line of several streams: all in sum, then each in a few words. Those with trouble come first, and
// those with the same trouble share its words.
func together(all []status) string {
	var fps, megabit float64
	var troubles, well []string
	names := map[string]string{} // of the streams with a trouble
	for _, st := range all {
		s := st.(sendStatus) // no other command has several
		fps, megabit = fps+s.FPS, megabit+s.Megabit
		trouble := ""
		if i := slices.IndexFunc(s.Receivers, func(r receiverStatus) bool { return r.Trouble != "" }); i >= 0 {
			trouble = s.Receivers[i].Trouble
		} else if s.FPS == 0 && !s.idle {
			trouble = "NO PICTURE"
		}
		switch {
		case names[trouble] != "":
			names[trouble] += ", " + s.Stream
		case trouble != "":
			names[trouble] = s.Stream
			troubles = append(troubles, trouble)
		case s.idle:
			well = append(well, s.Stream+" waits")
		default:
			well = append(well, fmt.Sprintf("%s %.0f", s.Stream, s.FPS))
		}
	}
	parts := []string{fmt.Sprintf("%.0f fps  %.1f Mbit/s", fps, megabit)}
	for _, t := range troubles {
		parts = append(parts, names[t]+": "+t)
	}
	return strings.Join(append(parts, well...), "  ")
}

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
