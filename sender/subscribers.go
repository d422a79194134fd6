package sender

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"udpcam/protocol"
)

// A subscription is what a destination has that has subscribed. The zero value is of others.
type subscription struct {
	leased time.Time          // until when it lasts, unless it is renewed
	joined time.Time          // when it began
	ask    protocol.Subscribe // the last one that was accepted
}

// subscribed reports whether a destination is a subscriber.
func (d *destination) subscribed() bool { return !d.leased.IsZero() }

// renew makes a subscription last longer.
func (d *destination) renew(now time.Time) {
	if d.subscribed() {
		d.leased = now.Add(protocol.Lease)
	}
}

// subscribe does what a receiver at a proven address asks for: to be sent the stream, to go on being sent it, or not any
// more.
func (s *Sender) subscribe(ask protocol.Subscribe, from netip.AddrPort, now time.Time) protocol.SubscribeStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	d := s.destinationAt(s.config.Port.conn, from)
	switch {
	case d != nil && !ask.Follows(d.ask):
		s.refuse(FeedbackReplayed)
	case d != nil && ask.Farewell:
		s.drop(d, "a receiver has left")
	case d != nil:
		d.ask = ask
		d.renew(now)
		s.announce(d, announceSoon, now)
	case ask.Farewell:
	case !s.makePlace(from):
		return protocol.StatusFull
	default:
		d = newDestination(Destination{s.config.Port.conn, from}, s.config)
		d.subscription = subscription{now.Add(protocol.Lease), now, ask}
		if len(s.destinations) == 0 {
			s.announcer.rate.pause() // nobody has watched
		}
		s.destinations = append(s.destinations, d)
		s.keep(from, true)
		s.log("a receiver has subscribed", from)
		s.announce(d, 0, now)
	}
	return protocol.StatusSubscribed
}

// offers reports whether somebody asks for this sender's stream.
func (s *Sender) offers(ask protocol.Subscribe) bool {
	return s.config.Key == ask.Key && (ask.Name == "" || ask.Name == s.config.Name)
}

// asking returns the subscribers, with what they have asked for.
func (s *Sender) asking() (all []waiting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.destinations {
		if d.subscribed() {
			all = append(all, waiting{Subscribe: d.ask, from: d.Addr})
		}
	}
	return all
}

// expire drops the subscribers that have not renewed their subscriptions. s.mu is held.
func (s *Sender) expire(now time.Time) {
	for i := len(s.destinations) - 1; i >= 0; i-- { // from behind, because drop removes
		if d := s.destinations[i]; d.subscribed() && now.After(d.leased) {
			s.drop(d, "a receiver does not answer any more")
		}
	}
}

// makePlace reports whether there is a place for a new subscriber. If there is none, the household that has the most loses
// its newest one, if the new one's has fewer. So one household cannot keep out the others. s.mu is held.
func (s *Sender) makePlace(from netip.AddrPort) bool {
	has, all := map[netip.Prefix]int{}, 0
	for _, d := range s.destinations {
		if d.subscribed() {
			has[protocol.Household(d.Addr.Addr())]++
			all++
		}
	}
	if all < s.config.Port.config.MaxSubscribers {
		return true
	}
	var least *destination
	for _, d := range s.destinations {
		if !d.subscribed() {
			continue
		}
		if n := has[protocol.Household(d.Addr.Addr())]; least == nil ||
			cmp.Or(cmp.Compare(n, has[protocol.Household(least.Addr.Addr())]), d.joined.Compare(least.joined)) > 0 {
			least = d
		}
	}
	if has[protocol.Household(least.Addr.Addr())] <= has[protocol.Household(from.Addr())]+1 {
		return false
	}
	s.drop(least, "a receiver gives way to another: there are too many")
	return true
}

// drop removes a subscriber. s.mu is held.
func (s *Sender) drop(d *destination, why string) {
	s.destinations = slices.DeleteFunc(s.destinations, func(o *destination) bool { return o == d })
	s.keep(d.Addr, false)
	s.log(why, d.Addr)
}

// keep has the port's socket remember by which address of this machine a subscriber is reached, whoever else sends to it.
func (s *Sender) keep(peer netip.AddrPort, keep bool) {
	if c, ok := s.config.Port.conn.(interface{ KeepPeer(netip.AddrPort, bool) }); ok {
		c.KeepPeer(peer, keep)
	}
}

// log logs that a subscriber comes or goes: at most one line a second.
func (s *Sender) log(what string, addr netip.AddrPort) {
	s.tellOf.Do(func() { s.config.Log.Info(what, "addr", addr) })
}

func (s *Sender) subscribers() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(s.config.Clock.Now())
	for _, d := range s.destinations {
		if d.subscribed() {
			n++
		}
	}
	return n
}

// Watched reports whether frames are wanted: always if the sender has addresses to send to, else while somebody is
// subscribed.
func (s *Sender) Watched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(s.config.Clock.Now())
	return len(s.destinations) > 0
}
