// Package receiver receives datagrams and yields the frames in them.
//
//	r, err := receiver.Listen(ctx, receiver.Config{}, ":12345")
//	defer r.Close()
//	for f, err := range r.Frames(ctx) {
//		// f is valid until the loop's body ends. f.Keep() returns one that stays valid.
//	}
//
// Subscribe instead of Listen goes to where the cameras are. Listen waits for what they send here. A receiver can do both at
// once.
//
// Everything but the lookup of names runs in the goroutine that ranges over Frames. There is no queue: while the loop's body
// works on a frame, the kernel's receive buffer holds the datagrams that come.
//
//	protocol.Conn -> Receiver.Frames -> protocol.Assembler -> the caller's loop body
//	              <- reports and requests <-
//
// Reports and requests to senders leave by the same socket. A sink that may block for long needs a queue of its own:
// packages sink and web have them.
package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"udpcam/internal/datagram"
	"udpcam/protocol"
)

// A Config says how a Receiver receives. The zero value is the documented default.
type Config struct {
	// Wire is the format of datagrams. The zero value means [protocol.WireV1].
	Wire protocol.Wire
	// Keys are the keys of the sealed streams to receive. With a key, open streams are ignored, so that nobody can slip one
	// in. This includes all streams of the classic wire. Without a key, sealed streams are ignored. Ignored streams are
	// logged.
	Keys []protocol.Key
	// From are the networks whose datagrams are taken. If there are none, those of all networks are.
	From []netip.Prefix
	// Deadline is how long after its first segment an incomplete frame is dropped. 0 means [protocol.DefaultDeadline].
	Deadline time.Duration
	// Latency is how long a whole frame may wait for an older one that can still be repaired. 0 means about three round
	// trips: see [protocol.AssemblerConfig].
	Latency time.Duration
	// OneWay turns off feedback: the receiver sends nothing. Frames that parity cannot repair are lost. Multicast and the
	// classic wire are always one-way.
	OneWay bool
	// Interface is the network interface on which a multicast group is joined. Nil means all of them.
	Interface *net.Interface
	// NoGRO takes each datagram from the kernel by itself, for kernels that join them wrong.
	NoGRO bool
	// Relay is the ID of the relay that this is a part of, 0 if it is none: see [protocol.Relays].
	Relay uint32
	// Resolver looks up the names in addresses to subscribe to. Nil means the system's.
	Resolver Resolver
	// Clock is the receiver's clock. Nil means [datagram.SystemClock].
	Clock protocol.Clock
	// Log gets the problems that do not stop the receiver. Nil means slog.Default().
	Log *slog.Logger
}

// An assembler makes frames from the datagrams of a wire.
type assembler interface {
	Add(b []byte, from netip.AddrPort, now time.Time)
	Next() (protocol.Frame, bool)
	NextLocked() (protocol.LockedStream, bool)
	NextFeedback() (b []byte, to netip.AddrPort, ok bool)
	Deadline() time.Time
	Expire(now time.Time)
	Stats() protocol.Stats
	Streams() []protocol.StreamInfo
}

// A Receiver receives frames. Frames is for one goroutine. The other methods are for any.
type Receiver struct {
	conn  protocol.Conn
	clock protocol.Clock
	log   *slog.Logger

	oneWay   bool
	keys     []protocol.Key
	resolver Resolver
	life     context.Context // until Close
	end      context.CancelFunc
	lookups  sync.WaitGroup // of names
	sending  sync.Mutex     // held while something is sent

	mu            sync.Mutex // guards what follows; not held while the caller has a frame
	assembler     assembler
	media         *protocol.Assembler // the same, nil on the classic wire
	subscriptions []*subscription
}

// New returns a receiver on a conn. The receiver owns the conn from then on.
func New(c Config, conn protocol.Conn) *Receiver { return newReceiver(c, conn, false) }

// NewSubscriber returns a receiver on a conn, which takes no datagrams but those of senders that it has subscribed to.
func NewSubscriber(c Config, conn protocol.Conn) *Receiver { return newReceiver(c, conn, true) }

// newReceiver returns a receiver. One that only subscribes takes no datagrams from anybody else.
func newReceiver(c Config, conn protocol.Conn, onlySubscribed bool) *Receiver {
	r := &Receiver{conn: conn, clock: cmp.Or(c.Clock, datagram.SystemClock), log: cmp.Or(c.Log, slog.Default()),
		oneWay: c.OneWay, keys: c.Keys, resolver: c.Resolver}
	r.life, r.end = context.WithCancel(context.Background())
	ac := protocol.AssemblerConfig{Deadline: c.Deadline, Latency: c.Latency, OneWay: c.OneWay, Keys: c.Keys,
		From: c.From, Relay: c.Relay}
	if onlySubscribed {
		ac.Wanted = r.wants
	}
	switch c.Wire {
	case protocol.WireClassic:
		r.assembler = protocol.NewClassicAssembler(ac)
	default:
		r.media = protocol.NewAssembler(ac)
		r.assembler = r.media
	}
	return r
}

// Frames yields each frame the moment it is whole, and the frames of one stream in order. A frame is valid until the loop's
// body ends: see [protocol.Frame] for how to keep one. The iteration ends when ctx is done or the receiver is closed. If the
// socket fails, it ends with a zero Frame and an error. It may be started again.
func (r *Receiver) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		defer context.AfterFunc(ctx, func() { r.wake(ctx) })()
		defer r.farewells()
		for {
			r.wake(ctx)
			batches, err := r.conn.Receive()
			switch {
			case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
				return
			case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
				yield(protocol.Frame{}, fmt.Errorf("receive on %s: %w", r.conn.LocalAddr(), err))
				return
			}
			for _, b := range batches {
				r.add(b)
				if !r.handOn(yield) {
					return
				}
			}
			now := r.clock.Now()
			r.expire(now)
			r.sendFeedback()
			r.sendAll(r.subscribe(now))
			if !r.handOn(yield) {
				return
			}
		}
	}
}

// add gives datagrams to the assembler, and logs a stream that is not shown.
func (r *Receiver) add(batch protocol.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for b := range batch.All() {
		if !r.answered(b, batch.From) {
			r.assembler.Add(b, batch.From, batch.At)
		}
	}
	if l, ok := r.assembler.NextLocked(); ok {
		r.log.Warn(l.String())
	}
}

// expire lets the assembler do what is due now.
func (r *Receiver) expire(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if due := r.assembler.Deadline(); !due.IsZero() && !now.Before(due) {
		r.assembler.Expire(now)
	}
}

// handOn yields the frames that are ready. It returns false if the caller wants no more.
func (r *Receiver) handOn(yield func(protocol.Frame, error) bool) bool {
	for f, ok := r.next(); ok; f, ok = r.next() {
		if !yield(f, nil) {
			return false
		}
	}
	return true
}

// sendFeedback sends reports and requests to senders.
func (r *Receiver) sendFeedback() {
	for {
		r.mu.Lock()
		b, to, ok := r.assembler.NextFeedback()
		r.mu.Unlock()
		if !ok {
			return
		}
		r.sendAll([]outgoing{{to, b, nil}})
	}
}

// wake makes Receive return when something is due in the assembler or for a subscription, or at once if ctx is done.
func (r *Receiver) wake(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.assembler.Deadline()
	for _, s := range r.subscriptions {
		if due := s.asking.Deadline(r.clock.Now()); at.IsZero() || due.Before(at) {
			at = due
		}
	}
	if ctx.Err() != nil {
		at = time.Unix(1, 0)
	}
	r.conn.SetReceiveDeadline(at)
}

func (r *Receiver) next() (protocol.Frame, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.assembler.Next()
}

// LocalAddr is the address that the receiver listens on.
func (r *Receiver) LocalAddr() netip.AddrPort { return r.conn.LocalAddr() }

// Stats returns what has been counted so far.
func (r *Receiver) Stats() protocol.Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.assembler.Stats()
}

// Streams returns what is known of each stream that is received.
func (r *Receiver) Streams() []protocol.StreamInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.assembler.Streams()
}

// Close ends all subscriptions, closes the receiver's socket and ends Frames.
func (r *Receiver) Close() error {
	r.mu.Lock()
	r.end() // no lookup begins after this
	r.mu.Unlock()
	r.farewells()
	err := r.conn.Close()
	r.lookups.Wait()
	return err
}
