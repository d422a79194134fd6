package main

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"udpcam/protocol"
	"udpcam/protocol/discovery"
)

// A subscriber is what follow needs of a receiver. The name is the stream's, and addr where its sender can be subscribed to.
type subscriber interface {
	subscribe(name string, addr netip.AddrPort)
	unsubscribe(name string, addr netip.AddrPort)
	heard(name string, addr netip.AddrPort) time.Time // when something last came from there; the zero time if nothing has
}

// A follower subscribes to streams as they come and go on the network. It has no clock.
type follower struct {
	wanted []string         // names of streams; none stands for all
	keys   []protocol.KeyID // of the receiver; with any, only streams sealed with one of them are shown, else only open ones
	direct bool             // what a relay passes on is not wanted
	to     subscriber
	log    *slog.Logger

	streams []*followed // in the order in which they were found
	warned  map[string]bool
	lines   *rate.Limiter // of the log
}

// A followed is a stream that was found.
type followed struct {
	discovery.Found
	at    netip.AddrPort // where it is subscribed to; not valid if it is not
	since time.Time      // when that began
	first time.Time      // when it was subscribed to first, at any address
}

// What still delivers stays, because discovery is told by datagrams that may be lost or forged. These are the times that
// nothing must have come: until a stream that is gone is given up, until another of its addresses is tried, and until it is
// sought where it says it is now.
const (
	gaveUp   = 3 * time.Second
	tryOther = 1500 * time.Millisecond
	hasMoved = 500 * time.Millisecond
)

// maxFollowed is how many streams are subscribed to at once. It stops whoever invents streams from making this machine send
// Subscribes to many addresses. If there are more, one that has long been silent gives way.
const (
	maxFollowed = 64
	longSilent  = 10 * time.Second
)

// followAll is the name of all streams.
const followAll = "all"

// newFollower follows the streams of these names, or all.
func newFollower(log *slog.Logger, to subscriber, wanted ...string) *follower {
	if slices.Contains(wanted, followAll) {
		wanted = nil
	}
	return &follower{wanted: wanted, to: to, log: log, warned: map[string]bool{}, lines: rate.NewLimiter(1, 20)}
}

// follow follows what a browser finds, until the browser is closed or ctx ends.
func follow(ctx context.Context, b *discovery.Browser, f *follower) {
	events, done := make(chan discovery.Found), make(chan struct{})
	go func() {
		defer close(done)
		for found := range b.Found() {
			select {
			case events <- found:
			case <-ctx.Done():
				return
			}
		}
	}()
	tick := time.NewTicker(hasMoved / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-done:
			return
		case found := <-events:
			f.hear(found, time.Now())
		case <-tick.C:
			f.look(time.Now())
		}
	}
}

// hear takes in what was found.
func (f *follower) hear(found discovery.Found, now time.Time) {
	if !f.wants(found) || !found.Gone && f.locked(found) {
		return
	}
	i := slices.IndexFunc(f.streams, func(s *followed) bool { return s.Instance == found.Instance })
	switch {
	case i >= 0:
		f.streams[i].Found = found
	case !found.Gone:
		f.streams = append(f.streams, &followed{Found: found})
	}
	f.look(now)
}

func (f *follower) wants(found discovery.Found) bool {
	if f.direct && found.Relay {
		return false
	}
	return f.wanted == nil || slices.ContainsFunc(f.wanted, func(name string) bool { return name == found.Name || name == found.Instance })
}

// locked reports whether the receiver cannot show a stream, because of its keys. It logs that once.
func (f *follower) locked(found discovery.Found) bool {
	why, attrs := "", []any{"stream", found.Name, "addr", found.Addrs[0]}
	switch {
	case found.Sealed && !slices.Contains(f.keys, found.Key):
		why = "found a sealed stream: give its key with --key-file"
		attrs = append(attrs, "key", found.Key)
	case !found.Sealed && len(f.keys) > 0:
		why = "found a stream that is not sealed, and is ignored: give its sender the key too"
	default:
		return false
	}
	if key := found.Instance + "\n" + why; !f.warned[key] && len(f.warned) < 100 {
		f.warned[key] = true
		f.log.Warn(why, attrs...)
	}
	return true
}

// look subscribes to what is there, moves to new addresses, and ends what is gone and silent.
func (f *follower) look(now time.Time) {
	for _, s := range slices.Clone(f.streams) {
		var silent time.Duration
		if s.at.IsValid() {
			silent = now.Sub(f.last(s))
		}
		switch {
		case s.Gone && (!s.at.IsValid() || silent >= gaveUp):
			f.leave(s, now)
			f.streams = slices.DeleteFunc(f.streams, func(o *followed) bool { return o == s })
		case s.Gone:
		case !s.at.IsValid():
			if !f.second(s) && f.room(now) {
				f.enter(s, s.Addrs[0], now)
			}
		case silent >= tryOther, silent >= hasMoved && !slices.Contains(s.Addrs, s.at):
			if to := f.nextAddr(s); to != s.at {
				f.leave(s, now)
				f.enter(s, to, now)
			}
		}
	}
}

// room reports whether one more stream can be subscribed to. It makes room, if it can.
func (f *follower) room(now time.Time) bool {
	n, silent := 0, -1
	for i, s := range f.streams {
		if !s.at.IsValid() {
			continue
		}
		if n++; silent < 0 && now.Sub(s.first) >= longSilent && now.Sub(f.to.heard(s.Name, s.at)) >= longSilent {
			silent = i
		}
	}
	if n < maxFollowed {
		return true
	}
	if silent >= 0 {
		s := f.streams[silent]
		f.leave(s, now)
		s.first = time.Time{}
		f.streams = append(slices.Delete(f.streams, silent, silent+1), s) // the last to come again
	}
	return silent >= 0
}

// last is when a stream last came, or was subscribed to.
func (f *follower) last(s *followed) time.Time {
	if heard := f.to.heard(s.Name, s.at); heard.After(s.since) {
		return heard
	}
	return s.since
}

// nextAddr is the address to try when the present one is silent: the next of the list, or the first.
func (f *follower) nextAddr(s *followed) netip.AddrPort {
	return s.Addrs[(slices.Index(s.Addrs, s.at)+1)%len(s.Addrs)]
}

// second reports whether another stream of that name is subscribed to, and only one is wanted.
func (f *follower) second(s *followed) bool {
	if f.wanted == nil || slices.Contains(f.wanted, s.Instance) && s.Instance != s.Name {
		return false
	}
	for _, o := range f.streams {
		if o != s && o.Name == s.Name && o.at.IsValid() {
			if key := o.Instance + "\n" + s.Instance; !f.warned[key] && len(f.warned) < 100 {
				f.warned[key] = true
				f.log.Warn("two streams have the same name: the first is shown; give the address of the other to see that",
					"name", s.Name, "first", o.at, "other", s.Addrs[0])
			}
			return true
		}
	}
	return false
}

func (f *follower) enter(s *followed, at netip.AddrPort, now time.Time) {
	if f.shared(s, at) {
		return
	}
	s.at, s.since = at, now
	if s.first.IsZero() {
		s.first = now
	}
	if f.lines.AllowN(now, 1) {
		f.log.Info("found a stream", "stream", s.Name, "addr", at, "host", s.Host)
	}
	f.to.subscribe(s.Name, at)
}

// shared reports whether a stream of the same name at that address is subscribed to already: found under two names.
func (f *follower) shared(s *followed, at netip.AddrPort) bool {
	return slices.ContainsFunc(f.streams, func(o *followed) bool { return o != s && o.at == at && o.Name == s.Name })
}

func (f *follower) leave(s *followed, now time.Time) {
	if s.at.IsValid() {
		if f.lines.AllowN(now, 1) {
			f.log.Info("a stream is gone", "stream", s.Name, "addr", s.at)
		}
		f.to.unsubscribe(s.Name, s.at)
		s.at = netip.AddrPort{}
	}
}
