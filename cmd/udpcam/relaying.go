package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"udpcam/protocol"
	"udpcam/protocol/discovery"
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
	wish   wish             // where streams come from
	search discovery.Config // for those that have to be found
	linger time.Duration    // how long the senders are kept that nobody wants
	rarely rate.Sometimes   // when trouble is logged

	// For put only.
	clocks map[string]time.Duration // by how much the clocks of senders are ahead, by stream
	looked time.Time                // when that was last looked at

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

// attend is subscribed to the senders while somebody wants streams, and for a while after that. It begins with such a while.
// So the streams are known from the start.
func (r *relaying) attend(ctx context.Context) error {
	for !r.wish.empty() {
		idle, end := lingering(ctx, r.wanted, r.linger)
		err := r.ask(idle)
		end()
		for _, info := range r.from.Subscriptions() {
			r.from.Unsubscribe(info.Subscription)
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
		r.log.Info("nobody watches: the senders are left until somebody does", "from", r.wish.String())
		if !awaiting(ctx, r.wanted) {
			return nil
		}
	}
	return nil
}

// ask subscribes to all that is wished for, until ctx ends.
func (r *relaying) ask(ctx context.Context) error {
	for err := r.wish.subscribe(ctx, r.from); err != nil && ctx.Err() == nil; err = r.wish.subscribe(ctx, r.from) {
		r.rarely.Do(func() { r.log.Error("cannot subscribe", "error", err) })
		pause(ctx, again)
	}
	if r.wish.searches() {
		if err := r.wish.seek(ctx, r.from, r.search, slices.Collect(maps.Values(r.keys))); err != nil && ctx.Err() == nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// offered describes the streams for others on this network to find.
func (r *relaying) offered() (all []discovery.Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, p := range r.passed {
		if to := p.to.Load(); to != nil {
			all = append(all, serviceOf(id.name, id.key, to, r.config.Port.LocalAddr()))
		}
	}
	slices.SortFunc(all, func(a, b discovery.Service) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key))
	})
	return all
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
