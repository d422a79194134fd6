package sender_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// picture returns size bytes that look like a JPEG and differ for each seed.
func picture(size int, seed uint64) []byte {
	b := make([]byte, size)
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(b)
	copy(b, "\xff\xd8\xff")
	copy(b[size-2:], "\xff\xd9")
	return b
}

var quiet = slog.New(slog.DiscardHandler)

// A watcher is a receiver that sends reports and requests.
type watcher struct {
	conn      protocol.Conn
	assembler *protocol.Assembler
	whole     atomic.Uint64            // frames that came whole
	parity    atomic.Uint64            // datagrams of parity that came, without answers
	delays    map[uint32]time.Duration // delays of the frames from capture, by ID; to be read after stop
	names     map[string]int           // how many frames had each stream name; to be read after stop
	skipped   atomic.Uint64            // frames that the sender left out
	done      chan struct{}

	subscriber *protocol.Subscriber // nil if it does not subscribe
	left       atomic.Bool          // whether the subscription is to end
}

// watch starts a receiver on conn, until that is closed.
func watch(conn protocol.Conn, c protocol.AssemblerConfig) *watcher { return subscribe(conn, c, nil) }

// subscribe starts a receiver that subscribes.
func subscribe(conn protocol.Conn, c protocol.AssemblerConfig, s *protocol.Subscriber) *watcher {
	w := &watcher{conn: conn, assembler: protocol.NewAssembler(c), delays: map[uint32]time.Duration{},
		names: map[string]int{}, done: make(chan struct{}), subscriber: s}
	go w.run()
	return w
}

// ask does what is due for the subscription, and returns when the next thing is.
func (w *watcher) ask() (due time.Time) {
	if w.subscriber == nil {
		return due
	}
	if w.left.Load() {
		for _, b := range w.subscriber.Farewell() {
			w.conn.Send(w.subscriber.To(), []protocol.Datagram{{b, nil}})
		}
		return due
	}
	w.subscriber.Hear(func(protocol.Key) (last time.Time) {
		for _, s := range w.assembler.Streams() {
			if s.Seen.After(last) {
				last = s.Seen
			}
		}
		return last
	})
	for b, ok := w.subscriber.Next(time.Now()); ok; b, ok = w.subscriber.Next(time.Now()) {
		w.conn.Send(w.subscriber.To(), []protocol.Datagram{{b, nil}})
	}
	return w.subscriber.Deadline(time.Now())
}

func (w *watcher) run() {
	defer close(w.done)
	for {
		due, ask := w.assembler.Deadline(), w.ask()
		if due.IsZero() || !ask.IsZero() && ask.Before(due) {
			due = ask
		}
		w.conn.SetReceiveDeadline(due)
		batches, err := w.conn.Receive()
		now := time.Now()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		for _, batch := range batches {
			for b := range batch.All() {
				if info, _ := protocol.Inspect(b); info.Kind == protocol.KindParity && !info.Repair {
					w.parity.Add(1)
				}
				if protocol.IsAnswer(b) && w.subscriber != nil {
					w.subscriber.Read(b, now)
				}
				w.assembler.Add(b, batch.From, batch.At)
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.assembler.Expire(now)
		}
		for b, to, ok := w.assembler.NextFeedback(); ok; b, to, ok = w.assembler.NextFeedback() {
			w.conn.Send(to, []protocol.Datagram{{b, nil}})
		}
		for f, ok := w.assembler.Next(); ok; f, ok = w.assembler.Next() {
			w.delays[f.ID] = now.Sub(f.Captured)
			w.names[f.Stream]++
			w.whole.Add(1)
			w.skipped.Store(w.assembler.Stats().Skipped)
		}
	}
}

// leave ends the subscription.
func (w *watcher) leave() {
	w.left.Store(true)
	w.conn.SetReceiveDeadline(time.Now())
}

// count is how many frames have come whole.
func (w *watcher) count() uint64 { return w.whole.Load() }

// stop ends a watcher. After that its fields may be read.
func (w *watcher) stop() {
	w.conn.Close()
	<-w.done
}

// A show is a camera, a network and a watcher.
type show struct {
	network *netsim.Network
	sender  *sender.Sender
	watcher *watcher
	longest time.Duration // that sending a frame has taken
}

func newShow(t *testing.T, p netsim.Path, c sender.Config) *show {
	n := netsim.New(1, p)
	back := p
	back.Rate = 0 // the way back is not narrow
	n.SetPath(viewer, camera, back)
	c.Log = cmp.Or(c.Log, quiet)
	s, err := sender.New(c, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
	if err != nil {
		t.Fatal(err)
	}
	return &show{network: n, sender: s, watcher: watch(listen(t, n, viewer), protocol.AssemblerConfig{})}
}

// send sends some frames, all from one buffer.
func (s *show) send(t *testing.T, frames, size int, fps float64) {
	pictures := [][]byte{picture(size, 1), picture(size, 2), picture(size, 3)}
	buffer := make([]byte, size)
	start := time.Now()
	for i := range frames {
		due := start.Add(time.Duration(float64(i) / fps * float64(time.Second)))
		time.Sleep(time.Until(due))
		copy(buffer, pictures[i%len(pictures)])
		began := time.Now()
		if _, err := s.sender.Send(protocol.Frame{Captured: due, JPEG: buffer}); err != nil {
			t.Fatal(err)
		}
		s.longest = max(s.longest, time.Since(began))
	}
}

func (s *show) close() {
	time.Sleep(time.Second)
	s.watcher.stop()
	s.sender.Close()
}
