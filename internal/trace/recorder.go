package trace

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"time"

	"udpcam/protocol"
)

// A Recorder records one case. Its methods are for any goroutine, and do nothing if it is nil.
type Recorder struct {
	hash maphash.Seed

	mu        sync.Mutex
	start     time.Time
	frames    []Frame
	at        map[uint32]int // indices in frames, by ID
	datagrams []Datagram
	open      map[uint64][]int // indices of datagrams that have no fate yet, by a hash of their bytes
}

// NewRecorder returns a recorder that has recorded nothing.
func NewRecorder() *Recorder {
	return &Recorder{hash: maphash.MakeSeed(), at: map[uint32]int{}, open: map[uint64][]int{}}
}

// Case returns what was recorded so far, under a name.
func (r *Recorder) Case(name string) Case {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Case{name, r.frames, r.datagrams}
}

// since returns the microseconds from the first call to now.
func (r *Recorder) since(now time.Time) int64 {
	if r.start.IsZero() {
		r.start = now
	}
	return now.Sub(r.start).Microseconds()
}

// Captured records a frame that was handed to the sender. If it was sent, id is its ID.
func (r *Recorder) Captured(id uint32, at time.Time, sent bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, ok := r.at[id]; ok && sent { // it has been delivered already
		r.frames[i].Captured = r.since(at)
		return
	}
	if sent {
		r.at[id] = len(r.frames)
	}
	r.frames = append(r.frames, Frame{ID: id, Captured: r.since(at), Skipped: !sent})
}

// Delivered records a frame that the receiver handed on.
func (r *Recorder) Delivered(id uint32, at time.Time) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.at[id]
	if !ok {
		i = len(r.frames)
		r.at[id] = i
		r.frames = append(r.frames, Frame{ID: id})
	}
	t := r.since(at)
	r.frames[i].Delivered = &t
}

// Dropped records that a link dropped a datagram.
func (r *Recorder) Dropped(b []byte, fate Fate) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.settle(b); d != nil {
		d.Fate = fate
	}
}

// Tap returns a conn that records what goes through conn, with times of the clock. back is true for the receiver's conn.
func (r *Recorder) Tap(conn protocol.Conn, clock protocol.Clock, back bool) protocol.Conn {
	if r == nil {
		return conn
	}
	return &tap{conn, r, clock, back}
}

type tap struct {
	protocol.Conn
	recorder *Recorder
	clock    protocol.Clock
	back     bool
}

// Send implements protocol.Conn.
func (t *tap) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	now := t.clock.Now()
	for _, d := range datagrams {
		t.recorder.sent(slices.Concat(d[0], d[1]), now, t.back)
	}
	return t.Conn.Send(to, datagrams)
}

// Receive implements protocol.Conn.
func (t *tap) Receive() ([]protocol.Batch, error) {
	trains, err := t.Conn.Receive()
	for _, train := range trains {
		for b := range train.All() {
			t.recorder.received(b, train.At)
		}
	}
	return trains, err
}

func (r *Recorder) sent(b []byte, now time.Time, back bool) {
	info, _ := protocol.Inspect(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	key := maphash.Bytes(r.hash, b)
	r.open[key] = append(r.open[key], len(r.datagrams))
	r.datagrams = append(r.datagrams, Datagram{Sent: r.since(now), Fate: Missing, Back: back, Kind: info.Kind, Frame: info.FrameID,
		Block: info.Block, Index: info.Index, Repair: info.Repair, Data: info.Data, Need: info.Need, Bytes: len(b)})
}

func (r *Recorder) received(b []byte, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.settle(b); d != nil {
		d.Fate, d.Arrived = Arrived, r.since(now)
	}
}

// settle returns the oldest datagram with these bytes that has no fate yet, or nil. Its fate is known now.
func (r *Recorder) settle(b []byte) *Datagram {
	key := maphash.Bytes(r.hash, b)
	at := r.open[key]
	switch len(at) {
	case 0:
		return nil
	case 1:
		delete(r.open, key)
	default:
		r.open[key] = at[1:]
	}
	return &r.datagrams[at[0]]
}
