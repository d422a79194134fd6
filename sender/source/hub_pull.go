package source

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"

	"udpcam/protocol"
	"udpcam/protocol/hub"
)

// An Origin is where a stream at an edge comes from.
type Origin struct {
	Site, Hub        string
	Watched          bool
	RTT, Uncertainty time.Duration // to the publisher; how wrong delays may be. 0 if not known
	Trouble          string        // why no frames come and what to do, "" if they do or nobody asks for them
	Untimed          bool          // how old frames are is not known, because the publisher does not know the camera's clock
}

// A hubPull is one stream that is watched.
type hubPull struct {
	stream string
	pull   hub.Pull // under the Hub's lock
	began  time.Time
	timed  bool // the age of the last frame was known
}

// silent is for how long no frame has come.
func (p *hubPull) silent(now time.Time) time.Duration {
	if came := p.pull.Came(); came.After(p.began) {
		return now.Sub(came)
	}
	return now.Sub(p.began)
}

// Frames yields the frames of a stream, until ctx is done. It waits for a publisher if there is none. Captured is by this
// machine's clock, as far as the publisher knows the camera's.
func (h *Hub) Frames(ctx context.Context, stream string) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		p := &hubPull{stream: stream, began: time.Now()}
		h.mu.Lock()
		h.pulls[p] = struct{}{}
		h.mu.Unlock()
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.pulls, p)
		}()
		h.follow(ctx, p, yield)
	}
}

// follow asks for frames and yields them.
func (h *Hub) follow(ctx context.Context, p *hubPull, yield func(protocol.Frame, error) bool) {
	var messages chan *nats.Msg
	var answers *nats.Subscription
	defer func() { unsubscribe(answers) }()
	epoch, inbox, reply := -1, -1, ""
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		state := h.conn.State()
		if state.Trouble == "" && state.Epoch != epoch {
			epoch = state.Epoch
			most := h.conn.MaxPayload()
			h.with(func() { p.pull.Connected(most, time.Now()) })
		}
		var changed <-chan struct{}
		var publisher string
		var number int
		var body []byte
		var due bool
		h.with(func() {
			var instances []string
			for _, a := range h.streams[p.stream] {
				instances = append(instances, a.Publisher.Instance)
			}
			changed = h.changed
			p.pull.Offers(instances, time.Now())
			if state.Trouble == "" {
				body, due = p.pull.Next(time.Now())
			}
			publisher, number = p.pull.Publisher()
			timer.Reset(min(max(time.Until(p.pull.Deadline()), time.Millisecond), time.Second))
		})
		if due && number != inbox { // what was sent to the old inbox must not come any more
			unsubscribe(answers)
			inbox, reply, messages = number, nats.NewInbox(), make(chan *nats.Msg, 16)
			var err error
			if answers, err = h.conn.ChanSubscribe(reply, messages); err != nil {
				yield(protocol.Frame{}, fmt.Errorf("the hub: %w", err))
				return
			}
			h.with(func() { h.stats.Changes++ })
		}
		if due {
			h.conn.PublishRequest(hub.WantSubject(publisher, p.stream), reply, body)
		}
		select {
		case m := <-messages:
			if f, show := h.arrived(p, m); show && !yield(f, nil) {
				return
			}
		case <-changed:
		case <-state.Changed:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

func unsubscribe(s *nats.Subscription) {
	if s != nil {
		s.Unsubscribe()
	}
}

// arrived takes in a message. It returns the frame in it, if that is to be shown.
func (h *Hub) arrived(p *hubPull, m *nats.Msg) (f protocol.Frame, show bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, late := p.pull.Old, p.pull.Late
	frame := len(m.Data) > 0 && len(m.Data) <= protocol.MaxFrameSize
	if m.Header.Get("Status") != "" {
		p.pull.Absent(time.Now()) // NATS says that nobody listens to its wants
		return f, false
	}
	a, err := p.pull.Take(m.Header.Get(hub.HeaderName), frame, time.Now())
	if err != nil {
		h.stats.Malformed++
		return f, false
	}
	h.stats.Old += p.pull.Old - old
	h.stats.Late += p.pull.Late - late
	if frame {
		h.stats.Frames++
		h.stats.Bytes += uint64(len(m.Data))
	}
	if frame {
		p.timed = a.Timed
	}
	f = protocol.Frame{Stream: p.stream, ID: a.ID, Captured: a.Captured, JPEG: m.Data}
	return f.Immutable(), a.Show // NATS made the memory for this message alone
}

// Origin returns where a stream comes from, and false if nothing is known of it.
func (h *Hub) Origin(stream string) (o Origin, ok bool) {
	trouble, now := h.conn.State().Trouble, time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	offers := h.streams[stream]
	asked := ""
	var pulled *hubPull
	for p := range h.pulls {
		if p.stream == stream {
			pulled = p
			asked, _ = p.pull.Publisher()
			o.Watched, o.Untimed = true, !p.timed && !p.pull.Came().IsZero()
			o.RTT, o.Uncertainty, _ = p.pull.Clock()
		}
	}
	for i, a := range offers {
		if i == 0 || a.Publisher.Instance == asked {
			o.Site, o.Hub = a.Publisher.Site, a.Publisher.Hub
		}
	}
	switch {
	case trouble != "":
		o.Trouble = trouble
	case len(offers) == 0:
		o.Trouble = "no site offers this stream any more: is udpcam recv --hub running there?"
	case pulled == nil:
	case pulled.pull.TooBig > 0:
		o.Trouble = fmt.Sprintf(
			"frames of %d bytes are larger than the NATS server here takes: set its max_payload to 8MB",
			pulled.pull.TooBig,
		)
	case pulled.silent(now) > 3*time.Second && len(offers) > 0 && offers[0].Stream.FPS == 0:
		o.Trouble = "the camera sends nothing to site " + o.Site
	case pulled.silent(now) > 3*time.Second:
		o.Trouble = "nothing comes from site " + o.Site + ": its connection to the hub may be down"
	}
	return o, len(offers) > 0 || pulled != nil
}
