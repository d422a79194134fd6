package source

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"udpcam/internal/hubconn"
	"udpcam/protocol"
	"udpcam/protocol/hub"
)

const (
	listEvery    = time.Minute            // how often an edge asks who is there
	listNow      = 5 * time.Second        // the same while somebody watches
	listPatience = 2 * time.Second        // who has not answered after that is not there
	announced    = 300 * time.Millisecond // how soon after a change on the hub others are told of it, at most
)

// HubOptions are the options of a [Hub].
type HubOptions struct {
	Site, Version string
	Viewers       func() int // how many watch here, for udpcam hub ls
}

// A Hub is an edge: it yields the streams that publishers have at a hub. A stream comes over the network only while somebody
// ranges over its frames. See package [hub].
type Hub struct {
	conn     *hubconn.Conn
	options  HubOptions
	instance string

	mu      sync.Mutex
	known   hub.Directory
	streams map[string][]hub.Available // of known
	changed chan struct{}              // closed, and replaced, when streams changes
	pulls   map[*hubPull]struct{}
	stats   HubStats
}

// HubStats are a [Hub]'s figures: counts since the start.
type HubStats struct {
	Connected string // the hub, "" while there is none
	Trouble   string // why there is none
	Offered   int    // streams that could be watched
	Watched   int    // streams that are
	Frames    uint64 // frames that came
	Bytes     uint64 // bytes in them
	Old       uint64 // frames left out because a newer one had come
	Late      uint64 // frames left out because they were too long on their way
	Malformed uint64 // messages that were none of udpcam
	Changes   uint64 // changes from one publisher to another, or to another hub
}

// An Origin is where a stream at an edge comes from.
type Origin struct {
	Site, Hub        string
	Watched          bool
	RTT, Uncertainty time.Duration // to the publisher; how wrong delays may be. 0 if not known
	Trouble          string        // why no frames come and what to do, "" if they do or nobody asks for them
}

// A hubPull is one stream that is watched.
type hubPull struct {
	stream string
	pull   hub.Pull // under the Hub's lock
	began  time.Time
}

// NewHub returns an edge. It ends with ctx.
func NewHub(ctx context.Context, conn *hubconn.Conn, o HubOptions) (*Hub, error) {
	h := &Hub{conn: conn, options: o, instance: rand.Text(), changed: make(chan struct{}), pulls: map[*hubPull]struct{}{}}
	inbox := nats.NewInbox()
	hear := func(m *nats.Msg) { h.hear(m.Data) }
	list := func(m *nats.Msg) {
		if m.Reply != "" && string(m.Data) == hub.ListAll {
			m.Respond(h.info().Encode())
		}
	}
	for subject, handle := range map[string]nats.MsgHandler{inbox: hear, hub.InfoSubject("*"): hear, hub.ListSubject: list} {
		if _, err := conn.Subscribe(subject, handle); err != nil {
			return nil, err
		}
	}
	go h.list(ctx, inbox)
	return h, nil
}

// hear takes in an Info.
func (h *Hub) hear(b []byte) {
	info, err := hub.ParseInfo(b)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.stats.Malformed++
	} else if h.known.Hear(info, time.Now()) {
		h.renew()
	}
}

// renew wants h.mu held.
func (h *Hub) renew() {
	h.streams = h.known.Streams()
	close(h.changed)
	h.changed = make(chan struct{})
}

// list asks who is there: at each new connection, and then now and then, because a publisher may end without a word.
func (h *Hub) list(ctx context.Context, inbox string) {
	epoch := -1
	for ctx.Err() == nil {
		state := h.conn.State()
		if state.Trouble != "" {
			wait(ctx, time.Hour, state.Changed)
			continue
		}
		if state.Epoch != epoch { // publishers may be about to connect again too, so that nobody is missed for this list
			epoch = state.Epoch
			h.conn.PublishRequest(hub.ListSubject, inbox, nil)
			wait(ctx, announced, state.Changed)
		}
		asked := time.Now()
		h.conn.PublishRequest(hub.ListSubject, inbox, nil)
		if wait(ctx, listPatience, state.Changed) {
			continue
		}
		h.mu.Lock()
		if h.known.Asked(asked) {
			h.renew()
		}
		every := listEvery
		if len(h.pulls) > 0 {
			every = listNow
		}
		h.mu.Unlock()
		for until := asked.Add(every); time.Now().Before(until) && ctx.Err() == nil; {
			if wait(ctx, min(listNow, time.Until(until)), state.Changed) || every == listEvery && h.Watched() {
				break
			}
		}
	}
}

// wait returns true at once when changed is closed, and false after a time or when ctx is done.
func wait(ctx context.Context, d time.Duration, changed <-chan struct{}) bool {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	case <-changed:
		return true
	}
	return false
}

// Watched reports whether somebody watches a stream here.
func (h *Hub) Watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pulls) > 0
}

// Streams returns the names of all streams that can be watched. The channel is closed when that may have changed.
func (h *Hub) Streams() (names []string, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.streams {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, h.changed
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
			h.with(func() { p.pull.Connected(h.conn.MaxPayload(), time.Now()) })
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

func (h *Hub) with(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}

// arrived takes in a message. It returns the frame in it, if that is to be shown.
func (h *Hub) arrived(p *hubPull, m *nats.Msg) (f protocol.Frame, show bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, late := p.pull.Old, p.pull.Late
	frame := len(m.Data) > 0 && len(m.Data) <= protocol.MaxFrameSize
	if m.Header.Get("Status") != "" {
		return f, false // NATS says that the publisher is not there
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
			o.Watched = true
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
		o.Trouble = fmt.Sprintf("frames of %d bytes are larger than the NATS server here takes: set its max_payload to 8MB", pulled.pull.TooBig)
	case pulled.pull.Silent(now) > 3*time.Second && offers[0].Stream.FPS == 0:
		o.Trouble = "the camera sends nothing to site " + o.Site
	case pulled.pull.Silent(now) > 3*time.Second:
		o.Trouble = "nothing comes from site " + o.Site + ": its connection to the hub may be down"
	}
	return o, len(offers) > 0 || pulled != nil
}

func (h *Hub) info() hub.Info {
	i := hub.Info{Kind: hub.KindEdge, Instance: h.instance, Site: h.options.Site, Hub: h.conn.Hub(), Version: h.options.Version,
		Viewers: h.options.Viewers()}
	h.mu.Lock()
	defer h.mu.Unlock()
	for p := range h.pulls {
		i.Streams = append(i.Streams, hub.StreamInfo{Name: []byte(p.stream)})
	}
	i.Sort()
	return i
}

// Stats returns the present figures.
func (h *Hub) Stats() HubStats {
	trouble := h.conn.State().Trouble
	h.mu.Lock()
	defer h.mu.Unlock()
	stats := h.stats
	stats.Trouble, stats.Offered, stats.Watched = trouble, len(h.streams), len(h.pulls)
	if trouble == "" {
		stats.Connected = h.conn.Hub()
	}
	return stats
}
