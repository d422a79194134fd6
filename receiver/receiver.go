// Package receiver receives datagrams and hands on the frames in them.
//
//	r, err := receiver.Listen(ctx, receiver.Config{}, ":12345")
//	defer r.Close()
//	for f, err := range r.Frames(ctx) {
//		// f is valid until the loop body ends: f.Keep() returns one that stays
//	}
//
// Everything runs in the goroutine that ranges over Frames. There is no queue: while the loop body works on a frame, the
// kernel's receive buffer holds what comes.
//
//	protocol.Conn -> Receiver.Frames -> protocol.Assembler -> the caller's loop body
//	              <- reports and requests <-
//
// Reports and requests to senders leave by the same socket, before a frame is handed on. A sink that may block for long
// belongs behind a queue of its own: packages sink and web have them.
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

// smallBuffer is how many bytes of receive buffer are worth a word to the user: a third of a second of a good camera.
const smallBuffer = 1 << 20

// A Config says how a Receiver receives. The zero value is the documented default.
type Config struct {
	// Wire is what the senders speak. The zero value means [protocol.WireV1].
	Wire protocol.Wire
	// Keys are those of the sealed streams to receive. With a key, open streams are ignored, so that nobody can slip one in;
	// the classic wire has only such. Without a key, sealed streams are ignored. Both is logged.
	Keys []protocol.Key
	// Deadline is how long after its first segment a frame is given up. 0 means [protocol.DefaultDeadline].
	Deadline time.Duration
	// Latency is how long a whole frame may wait for an older one that can still be repaired. 0 means about three round
	// trips: see [protocol.AssemblerConfig].
	Latency time.Duration
	// OneWay turns off feedback: nothing is ever sent, and what parity cannot repair is lost. So it is for multicast and
	// on the classic wire in any case.
	OneWay bool
	// Interface is the network interface on which a multicast group is joined. Nil means all of them.
	Interface *net.Interface
	// NoGRO takes each datagram from the kernel by itself, for kernels that join them wrong.
	NoGRO bool
	// Clock is what the receiver lives by. Nil means [datagram.SystemClock].
	Clock protocol.Clock
	// Log is where trouble is reported that the receiver lives on with. Nil means slog.Default().
	Log *slog.Logger
}

// An assembler is what a wire makes frames of datagrams with.
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

// A Receiver receives frames. Frames is for one goroutine; the other methods are for any.
type Receiver struct {
	conn  protocol.Conn
	clock protocol.Clock
	log   *slog.Logger

	mu        sync.Mutex // guards what follows, and never while the caller has a frame
	assembler assembler
}

// New returns a receiver on a conn, which becomes the receiver's.
func New(c Config, conn protocol.Conn) *Receiver {
	r := &Receiver{conn: conn, clock: cmp.Or(c.Clock, datagram.SystemClock), log: cmp.Or(c.Log, slog.Default())}
	ac := protocol.AssemblerConfig{Deadline: c.Deadline, Latency: c.Latency, OneWay: c.OneWay, Keys: c.Keys}
	switch c.Wire {
	case protocol.WireClassic:
		r.assembler = protocol.NewClassicAssembler(ac)
	default:
		r.assembler = protocol.NewAssembler(ac)
	}
	return r
}

// Listen returns a receiver on a UDP address: host:port, or :port for every address of this machine, or a multicast
// group's address and port.
func Listen(ctx context.Context, c Config, addr string) (*Receiver, error) {
	conn, err := datagram.Listen(ctx, addr, datagram.Options{Interface: c.Interface, NoGRO: c.NoGRO})
	if err != nil {
		return nil, err
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		group, _ := netip.ParseAddr(host)
		c.OneWay = c.OneWay || group.IsMulticast()
	}
	r := New(c, conn)
	if size := conn.ReceiveBuffer(); size > 0 && size < smallBuffer {
		r.log.Warn("the kernel holds few datagrams while udpcam is busy: frames may be lost here",
			"bytes", size, "hint", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", datagram.ReceiveBuffer))
	}
	return r, nil
}

// Frames yields frames, each the moment it is whole, those of one stream in order. A frame is valid until the body of the loop
// returns: see [protocol.Frame] for how to keep one. The iteration ends when ctx is done
// or the receiver is closed, or with one last pair of a zero Frame and an error if the socket fails. It may be started
// again.
func (r *Receiver) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		defer context.AfterFunc(ctx, func() { r.wake(ctx) })()
		for {
			r.wake(ctx)
			trains, err := r.conn.Receive()
			switch {
			case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
				return
			case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
				yield(protocol.Frame{}, fmt.Errorf("receive on %s: %w", r.conn.LocalAddr(), err))
				return
			}
			for _, t := range trains {
				r.add(t)
				if !r.handOn(yield) {
					return
				}
			}
			r.expire(r.clock.Now())
			r.sendFeedback()
			if !r.handOn(yield) {
				return
			}
		}
	}
}

// add takes in datagrams.
func (r *Receiver) add(t protocol.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for b := range t.All() {
		r.assembler.Add(b, t.From, t.At)
	}
	if l, ok := r.assembler.NextLocked(); ok {
		r.log.Warn(l.String())
	}
}

// expire does what is due.
func (r *Receiver) expire(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if due := r.assembler.Deadline(); !due.IsZero() && !now.Before(due) {
		r.assembler.Expire(now)
	}
}

// handOn yields the frames that are ready. It returns false if no more are wanted.
func (r *Receiver) handOn(yield func(protocol.Frame, error) bool) bool {
	for f, ok := r.next(); ok; f, ok = r.next() {
		if !yield(f, nil) {
			return false
		}
	}
	return true
}

// sendFeedback sends reports and requests to senders. It ignores errors: the assembler repeats its feedback.
func (r *Receiver) sendFeedback() {
	for {
		r.mu.Lock()
		b, to, ok := r.assembler.NextFeedback()
		r.mu.Unlock()
		if !ok {
			return
		}
		r.conn.Send(to, [][2][]byte{{b, nil}})
	}
}

// wake makes Receive return when the assembler has something to do, or at once if ctx is done.
func (r *Receiver) wake(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.assembler.Deadline()
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

// Streams returns what is known of each stream that is being received.
func (r *Receiver) Streams() []protocol.StreamInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.assembler.Streams()
}

// Close closes the receiver's socket and ends Frames.
func (r *Receiver) Close() error { return r.conn.Close() }
