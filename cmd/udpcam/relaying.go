package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/receiver/sink"
	"udpcam/sender"
)

const (
	// maxPassed is how many streams a relay passes on. It stops whoever may send here from filling the memory.
	maxPassed = 64

	// endsAfter is how long nothing of a stream must come, although somebody wants streams, until it is offered no longer.
	// A camera that restarts goes on under its name, so its viewers see the same stream.
	endsAfter = 30 * time.Second

	// givesWay is how long a stream must be silent to give way to a new one if there are too many.
	givesWay = 3 * time.Second

	// clockInterval is how often a stream's clock is looked at, and newClock the same while it is not known.
	clockInterval = 200 * time.Millisecond
	newClock      = 10 * time.Millisecond

	// again is how long to wait after the name of a sender or receiver could not be looked up.
	again = time.Second
)

// relaying is the work of relay, as its watch sees it:
//
//	receiver.Receiver ──> relaying.put ──> a sink.Queue with room for one frame ──> passed.Put ──> sender.Sender
//
// Each stream has a queue and a sender of its own. So a slow path of one stream delays no other, and no frame waits behind
// an older one.
type relaying struct {
	*receiving
	config sender.Config // of all streams
	addrs  []string      // to which all are sent
	keys   map[protocol.KeyID]protocol.Key
	linger time.Duration
	rarely rate.Sometimes // when trouble is logged

	// For put only.
	clocks map[string]time.Duration // by how much the clocks of senders are ahead, by stream
	looked time.Time                // when that was last looked at

	told []string // trouble that the log has; for sample only

	mu         sync.Mutex // guards the fields below
	passed     map[passedID]*passed
	superseded uint64         // frames of ended streams that a newer one replaced before they were sent
	closing    sync.WaitGroup // of queues
}

// A passedID tells streams apart. The key is the zero value if the stream is open.
type passedID struct {
	name string
	key  protocol.Key
}

// A passed is a stream on its way out: a [sink.Sink] that sends.
type passed struct {
	passedID
	*relaying
	queue *sink.Queue
	tried time.Time                     // when making the sender has last failed; for Put only
	last  time.Time                     // when the last frame came; guarded by relaying.mu
	to    atomic.Pointer[sender.Sender] // nil at first
}

// put passes a frame on. It never waits.
func (r *relaying) put(f protocol.Frame, now time.Time) {
	r.note(f, now)
	f.Captured = f.Captured.Add(-r.ahead(f.Stream, now))
	id := passedID{name: f.Stream}
	if f.Sealed {
		id.key = r.keys[f.Key] // the receiver has no others
	}
	r.mu.Lock()
	p := r.passed[id]
	if p == nil {
		p = r.begin(id, now)
	}
	if p != nil {
		p.last = now
	}
	r.mu.Unlock()
	if p != nil {
		p.queue.Put(f) // the error can only be that the stream has just ended: then the next frame begins it anew
	}
}

// ahead is by how much the clock of a stream's sender is ahead of this machine's, 0 if that is not known.
func (r *relaying) ahead(stream string, now time.Time) time.Duration {
	ahead, known := r.clocks[stream]
	if age := now.Sub(r.looked); age < newClock || known && age < clockInterval {
		return ahead
	}
	r.clocks, r.looked = map[string]time.Duration{}, now
	for _, info := range r.from.Streams() {
		if info.ClockKnown {
			r.clocks[info.Name] = info.ClockOffset
		}
	}
	return r.clocks[stream]
}

// begin begins to offer a stream. It returns nil if there are too many. r.mu is held.
func (r *relaying) begin(id passedID, now time.Time) *passed {
	if len(r.passed) >= maxPassed {
		var oldest *passed
		for _, p := range r.passed {
			if oldest == nil || p.last.Before(oldest.last) {
				oldest = p
			}
		}
		if now.Sub(oldest.last) < givesWay {
			r.skipped.count(sink.SkipStreams)
			return nil
		}
		r.end(oldest)
	}
	p := &passed{passedID: id, relaying: r}
	p.queue = sink.NewQueue(p, sink.QueueOptions{Frames: 1})
	if r.passed == nil {
		r.passed = map[passedID]*passed{}
	}
	r.passed[id] = p
	return p
}

// end offers a stream no longer. r.mu is held.
func (r *relaying) end(p *passed) {
	delete(r.passed, p.passedID)
	r.superseded += p.queue.Dropped()
	r.closing.Go(func() { p.queue.Close() })
}

// Put implements [sink.Sink]. It sends a frame, at the speed of the slowest path.
func (p *passed) Put(f protocol.Frame) error {
	to := p.to.Load()
	if to == nil {
		if to = p.dial(); to == nil {
			return nil
		}
	}
	switch _, err := to.Send(f); {
	case errors.Is(err, net.ErrClosed):
		return err
	case err != nil:
		p.skipped.count("too large for the wire")
	}
	return nil
}

// dial makes the stream's sender. It returns nil if that fails, or has just failed.
func (p *passed) dial() *sender.Sender {
	if time.Since(p.tried) < again {
		return nil
	}
	p.tried = time.Now()
	c := p.config
	c.Name, c.Key = p.name, p.key
	to, err := sender.Dial(context.Background(), c, p.addrs...)
	if err != nil {
		p.rarely.Do(func() { p.log.Error("cannot send", "stream", p.name, "error", err) })
		return nil
	}
	p.to.Store(to)
	return to
}

// Close implements [sink.Sink].
func (p *passed) Close() error {
	if to := p.to.Load(); to != nil {
		return to.Close()
	}
	return nil
}

// wanted reports whether somebody wants streams.
func (r *relaying) wanted() bool { return len(r.addrs) > 0 || r.config.Port.Wanted() }

// fetch is subscribed to a sender while somebody wants streams, and for a while after that.
func (r *relaying) fetch(ctx context.Context, from receiver.Subscription) error {
	for awaiting(ctx, r.wanted) {
		if err := r.from.Subscribe(ctx, from); err != nil {
			r.rarely.Do(func() { r.log.Error("cannot subscribe", "from", from.Addr, "error", err) })
			pause(ctx, again)
			continue
		}
		r.asked(ctx, from)
	}
	return nil
}

// asked waits until nobody has wanted streams for a while, and leaves a sender that is subscribed to.
func (r *relaying) asked(ctx context.Context, from receiver.Subscription) {
	idle, end := lingering(ctx, r.wanted, r.linger)
	defer end()
	<-idle.Done()
	r.from.Unsubscribe(from)
	if ctx.Err() == nil {
		r.log.Info("nobody watches: the sender is left until somebody does", "from", from.Addr)
	}
}

// tidy offers streams no longer that have ended, until ctx is done.
func (r *relaying) tidy(ctx context.Context) error {
	for pause(ctx, time.Second) {
		now, wanted := time.Now(), r.wanted()
		r.mu.Lock()
		for _, p := range r.passed {
			if !wanted {
				p.last = now // nothing need come
			} else if now.Sub(p.last) >= endsAfter {
				r.end(p)
			}
		}
		r.mu.Unlock()
	}
	return nil
}

// close ends all streams. The receiver must have ended.
func (r *relaying) close() {
	r.mu.Lock()
	for _, p := range r.passed {
		r.end(p)
	}
	r.mu.Unlock()
	r.closing.Wait()
}
