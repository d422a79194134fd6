package sink

import (
	"crypto/rand"
	"encoding/binary"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"udpcam/internal/hubconn"
	"udpcam/protocol"
	"udpcam/protocol/hub"
)

// SkipPayload is a frame that is larger than the NATS server takes.
const SkipPayload = "larger than the hub takes: set max_payload: 8MB in its NATS server"

const (
	forgetStream = 5 * time.Minute // a stream that is silent for so long is not offered any more
	hubOverhead  = 1 << 10         // bytes that NATS and the header may add to a frame
)

// HubOptions are the options of a [Hub].
type HubOptions struct {
	Site, Version string
	// Clock returns by how much the clock of a stream's camera is ahead of this machine's, and false if that is not known.
	Clock func(stream string) (offset time.Duration, known bool)
	Skip  func(reason string)
}

// A Hub publishes frames through a hub. It is a [Sink] that needs no queue: Put never blocks. It holds the newest frame of each
// stream, and sends it to those who ask. See package [hub].
type Hub struct {
	conn     *hubconn.Conn
	options  HubOptions
	instance string
	stir     chan struct{} // something may have to leave
	quit     chan struct{}
	running  sync.WaitGroup

	mu      sync.Mutex
	streams map[string]*hubStream
	told    string // the streams that others have been told of
	fresh   bool   // there is a stream that they have not
	gone    []*hubStream
	max     int64  // the largest message that the server takes, 0 if not known
	server  string // its name
	closed  bool
	stats   HubStats
}

type hubStream struct {
	offer   hub.Offer
	frame   protocol.Frame // the newest, kept
	session uint32
	wants   *nats.Subscription // only run uses it
}

// NewHub returns a sink that publishes through a connection. Close does not close the connection.
func NewHub(conn *hubconn.Conn, o HubOptions) (*Hub, error) {
	h := &Hub{conn: conn, options: o, instance: rand.Text(), stir: make(chan struct{}, 1), quit: make(chan struct{}),
		streams: map[string]*hubStream{}}
	list, err := conn.Subscribe(hub.ListSubject, func(m *nats.Msg) {
		if isInbox(m.Reply) {
			m.Respond(h.info(time.Now()).Encode())
		}
	})
	if err != nil {
		return nil, err
	}
	h.running.Go(func() {
		defer list.Unsubscribe()
		h.run()
	})
	return h, nil
}

// Put makes a frame the newest of its stream. It never waits for the network.
func (h *Hub) Put(f protocol.Frame) error {
	now := time.Now()
	offset, timed := h.options.Clock(f.Stream)
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.streams[f.Stream]
	switch {
	case h.closed:
		return ErrClosed
	case s == nil:
		if s = h.newStream(f.Stream, now); s == nil {
			h.options.Skip(SkipStreams)
			return nil
		}
	case !protocol.Newer(f.ID, s.frame.ID):
		s.session = newSession() // the camera was started again
	}
	if h.max > 0 && int64(len(f.JPEG)) > h.max-hubOverhead {
		h.stats.TooBig++
		h.options.Skip(SkipPayload)
		return nil
	}
	if f.Captured.IsZero() {
		f.Captured, offset, timed = now, 0, true
	}
	s.frame = f.Keep()
	s.offer.Put(hub.Picture{Session: s.session, ID: f.ID, Captured: f.Captured}, len(f.JPEG), offset, timed, now)
	h.wake()
	return nil
}

// isInbox reports whether answers may go to a subject. It stops a viewer from having others publish to subjects that it may
// not publish to itself.
func isInbox(subject string) bool { return strings.HasPrefix(subject, nats.InboxPrefix) }

func newSession() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:]) | 1 // 0 means no picture
}

// newStream wants h.mu held. It returns nil if there are too many. It does not touch the connection, which may block: run does.
func (h *Hub) newStream(name string, now time.Time) *hubStream {
	for other, s := range h.streams {
		if now.Sub(s.offer.Came()) > forgetStream || len(h.streams) >= hub.MaxStreams && s.offer.FPS(now) == 0 {
			h.gone = append(h.gone, s)
			delete(h.streams, other)
		}
	}
	if len(h.streams) >= hub.MaxStreams {
		return nil
	}
	s := &hubStream{session: newSession()}
	h.streams[name], h.fresh = s, true
	return s
}

// subscribe subscribes to the wants of new streams, and no longer to those of streams that are gone.
func (h *Hub) subscribe() {
	h.mu.Lock()
	streams, gone := maps.Clone(h.streams), h.gone
	h.gone, h.fresh = nil, false
	h.mu.Unlock()
	for _, s := range gone {
		if s.wants != nil {
			s.wants.Unsubscribe()
		}
	}
	for name, s := range streams {
		if s.wants != nil {
			continue
		}
		wants, err := h.conn.Subscribe(hub.WantSubject(h.instance, name), func(m *nats.Msg) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if isInbox(m.Reply) && s.offer.Want(m.Reply, m.Data, time.Now()) == nil {
				h.wake()
			}
		})
		if err == nil { // else the connection is closed
			wants.SetPendingLimits(4096, 1<<20)
			s.wants = wants
		}
	}
}

func (h *Hub) wake() {
	select {
	case h.stir <- struct{}{}:
	default:
	}
}

// run sends frames, and tells of the streams when they change.
func (h *Hub) run() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	epoch := 0
	for {
		state := h.conn.State()
		if state.Epoch != epoch && state.Trouble == "" {
			epoch = state.Epoch
			most, server := h.conn.MaxPayload(), h.conn.Hub()
			h.mu.Lock()
			h.told, h.max, h.server = "", most, server
			for _, s := range h.streams {
				s.offer.Lose()
			}
			h.mu.Unlock()
			h.tell()
		}
		h.mu.Lock()
		fresh := h.fresh
		h.mu.Unlock()
		if fresh {
			h.subscribe()
			h.tell()
		}
		for state.Trouble == "" && h.send() {
		}
		select {
		case <-h.stir:
		case <-state.Changed:
		case <-tick.C:
			h.tell()
		case <-h.quit:
			return
		}
	}
}

// send sends what is to leave now, one message of each stream. It reports whether there was any.
func (h *Hub) send() (sent bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.streams {
		d, ok := s.offer.Next(time.Now())
		if !ok {
			continue
		}
		sent = true
		message := &nats.Msg{Subject: d.Inbox, Header: nats.Header{hub.HeaderName: {d.Header}}}
		if d.Frame {
			message.Data = s.frame.JPEG
			h.stats.Sent++
			h.stats.SentBytes += uint64(len(message.Data))
		}
		h.mu.Unlock()
		h.conn.PublishMsg(message) // may block; if it fails, the connection is lost, and the frame with it
		h.mu.Lock()
	}
	return sent
}

// Close says goodbye to the edges.
func (h *Hub) Close() error {
	h.mu.Lock()
	closed := h.closed
	h.closed = true
	h.mu.Unlock()
	if closed {
		return nil
	}
	close(h.quit)
	h.running.Wait()
	for _, s := range h.streams {
		if s.wants != nil {
			s.wants.Unsubscribe()
		}
	}
	h.conn.Publish(hub.InfoSubject(h.instance), h.info(time.Now()).Encode()) // if it fails, edges find out in two seconds
	h.conn.FlushTimeout(200 * time.Millisecond)
	return nil
}
