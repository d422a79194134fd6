package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
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

	// lookAgain is how often it is looked at what is known of a stream, and lookSoon the same while its clock is not known.
	lookAgain = 200 * time.Millisecond
	lookSoon  = 10 * time.Millisecond
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
	id     uint32           // of this relay, in announcements

	// For put only.
	known   map[string]protocol.StreamInfo // the streams that come, by name
	looked  time.Time                      // when they were last looked at
	refused map[string]bool                // the names of streams that the log has said are not passed on

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

// put passes a frame on. It never waits.
func (r *relaying) put(f protocol.Frame, now time.Time) {
	r.note(f, now)
	info := r.look(f.Stream, now)
	via, ok := r.via(info)
	if !ok {
		return
	}
	if info.ClockKnown {
		f.Captured = f.Captured.Add(-info.ClockOffset) // by this machine's clock
	}
	id := passedID{name: f.Stream}
	if f.Sealed {
		if id.key = r.keys[f.Key]; id.key == (protocol.Key{}) {
			return // the receiver has no other keys; but nothing sealed may ever leave open
		}
	}
	r.mu.Lock()
	p := r.passed[id]
	if p != nil && p.via != via { // it comes another way now
		r.end(p)
		p = nil
	}
	if p == nil {
		p = r.begin(id, via, now)
	}
	if p != nil {
		p.last = now
	}
	r.mu.Unlock()
	if p != nil {
		p.queue.Put(f) // the error can only be that the stream has just ended: then the next frame begins it anew
	}
}

// look returns what is known of a stream.
func (r *relaying) look(stream string, now time.Time) protocol.StreamInfo {
	info, there := r.known[stream]
	if age := now.Sub(r.looked); there && (info.ClockKnown && age < lookAgain || age < lookSoon) {
		return info
	}
	r.known, r.looked = map[string]protocol.StreamInfo{}, now
	for _, info := range r.from.Streams() {
		r.known[info.Name] = info
	}
	return r.known[stream]
}

// Reasons why a stream is not passed on.
const (
	tooManyRelays = "it has come through too many relays"
	nameTaken     = "it comes from a relay, and another stream has its name"
)

// via returns the relays that a stream has come through when this one passes it on. It returns false if this one must not.
// The second way of a stream ends here. Else relays that take streams from each other would offer it under ever new names.
func (r *relaying) via(info protocol.StreamInfo) (protocol.Relays, bool) {
	via, room := info.Announced.Via.With(r.id)
	why := ""
	switch before := info.Announced.Via; {
	case !room:
		why = tooManyRelays
	case before != (protocol.Relays{}) && info.Name != cmp.Or(info.Announced.Name, info.From.Addr().Unmap().String()):
		why = nameTaken
	default:
		return via, true
	}
	r.skipped.count(why)
	if !r.refused[info.Name] && len(r.refused) < maxPassed {
		if r.refused == nil {
			r.refused = map[string]bool{}
		}
		r.refused[info.Name] = true
		r.log.Warn("a stream is not passed on: "+why, "stream", info.Name, "from", info.From)
	}
	return via, false
}

// begin begins to offer a stream. It returns nil if there are too many. r.mu is held.
func (r *relaying) begin(id passedID, via protocol.Relays, now time.Time) *passed {
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
	p := &passed{passedID: id, via: via, relaying: r}
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
		if err := r.wish.seek(ctx, r.from, r.search, slices.Collect(maps.Values(r.keys)), true); err != nil && ctx.Err() == nil {
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
	for _, p := range r.passed {
		if to := p.to.Load(); to != nil {
			s := serviceOf(p.name, p.key, to, r.config.Port.LocalAddr())
			s.Relay = true
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b discovery.Service) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key))
	})
	return all
}

// tidy offers streams no longer that have ended, until ctx is done. While nobody wants any, nothing need come.
func (r *relaying) tidy(ctx context.Context) error {
	var since time.Time // when somebody began to want streams
	for pause(ctx, time.Second) {
		now := time.Now()
		switch {
		case !r.wanted():
			since = time.Time{}
			continue
		case since.IsZero():
			since = now
		}
		r.mu.Lock()
		for _, p := range r.passed {
			if min(now.Sub(p.last), now.Sub(since)) >= endsAfter {
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
