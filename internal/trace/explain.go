package trace

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"udpcam/protocol"
)

// A Story is what happened to one frame.
type Story struct {
	Frame
	Data     []Datagram // in the order of sending
	Parity   []Datagram
	Requests []Datagram // what the receiver asked for
	Answers  []Datagram // what the sender answered
	// Given is when the receiver gave the frame up: when it handed on a newer one. 0 if it did not.
	Given int64
	Newer uint32 // the newer frame's ID
}

// Stories tells what happened to each frame, in the order of capture.
func (c *Case) Stories() []Story {
	stories := make([]Story, len(c.Frames))
	at := map[uint32]int{}
	for i, f := range c.Frames {
		stories[i].Frame = f
		if !f.Skipped {
			at[f.ID] = i
		}
	}
	for _, d := range c.Datagrams {
		i, ok := at[d.Frame]
		if !ok {
			continue
		}
		s := &stories[i]
		switch {
		case d.Kind == protocol.KindRequest:
			s.Requests = append(s.Requests, d)
		case d.Repair:
			s.Answers = append(s.Answers, d)
		case d.Kind == protocol.KindData:
			s.Data = append(s.Data, d)
		case d.Kind == protocol.KindParity:
			s.Parity = append(s.Parity, d)
		}
	}
	slices.SortStableFunc(stories, func(a, b Story) int { return cmp.Compare(a.Captured, b.Captured) })
	var newer *Frame // the first that was delivered after this one
	for i := len(stories) - 1; i >= 0; i-- {
		s := &stories[i]
		if s.Delivered != nil {
			newer = &s.Frame
		} else if newer != nil {
			s.Given, s.Newer = *newer.Delivered, newer.ID
		}
	}
	return stories
}

// Lost reports whether the frame was sent and not delivered.
func (s *Story) Lost() bool { return s.Delivered == nil && !s.Skipped }

// Explain tells in a sentence or two why a frame was lost.
func (s *Story) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "frame %d, captured at %.3f s: ", s.ID, float64(s.Captured)/1e6)
	if s.Skipped {
		b.WriteString("not sent, because the path carried fewer frames than there were")
		return b.String()
	}
	lostData, lostParity := missing(s.Data), missing(s.Parity)
	fmt.Fprintf(&b, "%d data + %d parity sent, of which %d + %d did not arrive%s", len(s.Data), len(s.Parity),
		lostData, lostParity, fates(slices.Concat(s.Data, s.Parity)))
	if lost := lostData + lostParity; lost > 0 {
		fmt.Fprintf(&b, " (in %s)", count(runs(slices.Concat(s.Data, s.Parity)), "run"))
	}
	switch unrepaired := lostData - (len(s.Parity) - lostParity); {
	case s.Delivered != nil && lostData == 0:
	case unrepaired <= 0 && lostData > 0:
		b.WriteString("; parity made up for them")
	case lostData > 0:
		fmt.Fprintf(&b, "; parity left %d to be asked for", unrepaired)
	}
	if n := len(s.Requests); n > 0 {
		fmt.Fprintf(&b, "; asked %s, first at +%s", count(n, "time"), s.after(s.Requests[0].Sent))
		if lost := missing(s.Requests); lost > 0 {
			fmt.Fprintf(&b, " (%d of these did not arrive)", lost)
		}
	} else if s.Lost() {
		b.WriteString("; never asked for")
	}
	if n := len(s.Answers); n > 0 {
		fmt.Fprintf(&b, "; %s, of which %d did not arrive%s", count(n, "answer"), missing(s.Answers), fates(s.Answers))
	} else if len(s.Requests) > missing(s.Requests) {
		b.WriteString("; not answered")
	}
	switch {
	case s.Delivered != nil:
		fmt.Fprintf(&b, "; delivered at +%s", s.after(*s.Delivered))
	case s.Given > 0:
		fmt.Fprintf(&b, "; given up at +%s, when frame %d was handed on", s.after(s.Given), s.Newer)
	default:
		b.WriteString("; never delivered, nor any frame after it")
	}
	return b.String()
}

// after formats the time from the frame's capture to an event.
func (s *Story) after(at int64) string { return fmt.Sprintf("%.1f ms", float64(at-s.Captured)/1e3) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func missing(ds []Datagram) (n int) {
	for _, d := range ds {
		if d.Fate != Arrived {
			n++
		}
	}
	return n
}

// runs counts the runs of neighbouring datagrams that did not arrive.
func runs(ds []Datagram) (n int) {
	for i, d := range ds {
		if d.Fate != Arrived && (i == 0 || ds[i-1].Fate == Arrived) {
			n++
		}
	}
	return n
}

// fates says how many datagrams a full queue dropped. It is "" if none.
func fates(ds []Datagram) string {
	full := 0
	for _, d := range ds {
		if d.Fate == Full {
			full++
		}
	}
	if full == 0 {
		return ""
	}
	return fmt.Sprintf(", %d because a queue was full", full)
}
