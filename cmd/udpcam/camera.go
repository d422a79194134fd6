package main

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"udpcam/protocol"
	"udpcam/sender"
	"udpcam/sender/source"
)

// A camera is one stream of send: a source, and the sender of its frames.
type camera struct {
	*session
	name      string // the stream's
	source    string // the source's name, without a password
	src       source.Source
	to        *sender.Sender
	key       protocol.Key
	wire      protocol.Wire
	limit     uint64        // ends the stream after so many frames, unless 0
	several   bool          // the command has other cameras, which go on if this one fails
	onDemand  bool          // the source is open only while somebody watches
	linger    time.Duration // and so long after that
	watched   func() bool   // whether somebody does
	capturing atomic.Bool   // the source is open

	count            atomic.Uint64 // frames that were sent
	delays, encoding collected[time.Duration]
	last             progress
	rate             rateCheck // of the source's frames, also those that the path has no room for
	made             progress
}

// named says in an error which of several streams failed.
func (w *camera) named(err error) error {
	if err == nil || !w.several {
		return err
	}
	return fmt.Errorf("stream %s: %w", cmp.Or(w.name, w.source), err)
}

// How long a camera that failed rests before it is opened again, at first and after some failures.
const (
	firstRest = time.Second
	lastRest  = 30 * time.Second
)

// run sends the source's frames until ctx is done, the source ends, or the limit is reached.
//
// Live sources wait themselves for a camera that went away. If a source gives up nevertheless, it is opened again, as long
// as there is something to keep alive: other cameras, or somebody who watches. A source that fails before its first frame
// was probably named by mistake. That is an error, unless it is opened on demand: then nobody may be there to read it.
func (w *camera) run(ctx context.Context) error {
	rest := firstRest
	for w.awaitWatched(ctx) {
		before := w.count.Load()
		over, err := w.open(ctx)
		came := w.count.Load() > before
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && over:
			return w.reached()
		case err == nil:
			w.log.Info("nobody watches: the source is closed", "source", w.source)
			continue
		case !w.onDemand && (!w.several || w.count.Load() == 0):
			return err
		case came:
			rest = firstRest
		}
		w.log.Error("the camera failed, and is opened again", "error", err, "after", rest)
		pause(ctx, rest)
		rest = min(2*rest, lastRest)
	}
	return nil
}

// open opens the source once. Over is false if it was closed because nobody watches.
func (w *camera) open(ctx context.Context) (over bool, err error) {
	if w.onDemand {
		var end context.CancelFunc
		ctx, end = lingering(ctx, w.watched, w.linger)
		defer end()
	}
	limit := w.limit
	if limit > 0 {
		if limit -= w.count.Load(); limit == 0 {
			return true, nil
		}
	}
	w.capturing.Store(true)
	defer w.capturing.Store(false)
	err = pump(ctx, w.src, w.to.Send, limit, w.skipped.count, func(f protocol.Frame, n uint64) {
		w.delays.note(time.Since(f.Captured))
		if w.count.Add(1); n == 1 {
			w.logSending()
		}
	})
	return ctx.Err() == nil, err
}

func (w *camera) logSending() {
	attrs := []any{"source", w.source, "to", w.to.Addrs()}
	if !w.several { // else each line has it
		attrs = append(attrs, "stream", w.name)
	}
	attrs = append(attrs, "wire", w.wire)
	if w.key != (protocol.Key{}) {
		attrs = append(attrs, "key", w.key.ID())
	}
	w.log.Info("sending", attrs...)
}

// reached returns an error if no datagram could be sent at all.
func (w *camera) reached() error {
	if st := w.to.Stats(); st.Frames > 0 && st.Datagrams == 0 && !w.onDemand {
		return fmt.Errorf("nothing could be sent to %v: is this machine connected to a network?", w.to.Addrs())
	}
	return nil
}

func (w *camera) sample(now time.Time) status {
	total, skipped := w.to.Stats(), w.skipped.totals()
	if total.Skipped > 0 {
		skipped["overload"] = total.Skipped // the path carries fewer frames
	}
	w.complain(skipMessage, "reason", skipped, source.Repeated)
	w.last = w.last.next(now, total.Frames, total.FrameBytes)
	w.made = w.made.next(now, total.Frames+total.Skipped, 0)
	w.rate.note(w.log, w.made.FPS, "source", w.source)
	s := sendStatus{
		Stream:    w.name,
		progress:  w.last,
		Datagrams: total.Datagrams,
		WireBytes: total.WireBytes,
		Failed:    total.Failed,
		Skipped:   sum(skipped),
		SkippedBy: skipped,
		Parity:    total.Parity,
		Requests:  total.Requests,
		Answered:  total.Answered,
		cost:      costOf(w.delays.next(), w.encoding.next()),
		source:    w.source,
		others:    w.several,
		Capturing: w.capturing.Load(),
		idle:      w.onDemand && !w.capturing.Load(),
	}
	if s.Sealed = w.key != (protocol.Key{}); s.Sealed {
		s.Key = w.key.ID().String()
	}
	s.Receivers = receiversAt(w.to)
	return s
}

func (w *camera) frames() uint64 { return w.to.Stats().Frames }

// lookInterval is the time between two looks whether somebody watches. It is part of the time to the first picture.
const lookInterval = 50 * time.Millisecond

// awaitWatched waits until the source has to be open. It returns false when ctx is done.
func (w *camera) awaitWatched(ctx context.Context) bool {
	return awaiting(ctx, func() bool { return !w.onDemand || w.watched() })
}

// awaiting waits until something holds. It returns false when ctx is done.
func awaiting(ctx context.Context, holds func() bool) bool {
	for !holds() && pause(ctx, lookInterval) {
	}
	return ctx.Err() == nil
}

// pause waits for some time. It returns false when ctx is done.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// lingering returns a context that ends with ctx, or when nobody has watched for the time linger.
func lingering(ctx context.Context, watched func() bool, linger time.Duration) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(ctx)
	go func() {
		defer end()
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		for last := time.Now(); time.Since(last) < linger; {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if watched() {
				last = time.Now()
			}
		}
	}()
	return ctx, end
}
