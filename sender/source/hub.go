package source

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"udpcam/internal/hubconn"
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

func (h *Hub) with(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}

func (h *Hub) info() hub.Info {
	i := hub.Info{
		Kind:     hub.KindEdge,
		Instance: h.instance,
		Site:     h.options.Site,
		Hub:      h.conn.Hub(),
		Version:  h.options.Version,
		Viewers:  h.options.Viewers(),
	}
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
	trouble, server := h.conn.State().Trouble, h.conn.Hub()
	h.mu.Lock()
	defer h.mu.Unlock()
	stats := h.stats
	stats.Trouble, stats.Offered, stats.Watched = trouble, len(h.streams), len(h.pulls)
	if trouble == "" {
		stats.Connected = server
	}
	return stats
}
