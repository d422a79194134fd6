package discovery

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"
)

// A Browser finds streams, until its context ends or it is closed. Its methods may be called at the same time.
type Browser struct {
	node *node
	f    *finder
	end  context.CancelFunc
	news chan struct{} // the finder has events
}

// Browse begins to look for streams. It asks at once on all network interfaces, again after a quarter of a second, a second
// and so on up to once a minute, and asks on interfaces that come later. With types, it also looks which other kinds of
// services there are: see [Browser.Heard].
//
// It asks from port 5353, as all of multicast DNS, and at first from a port of its own too, where answers come at once. If
// another program has port 5353 to itself, that has to do. Then no announcements are heard.
func Browse(ctx context.Context, c Config, types bool) (*Browser, error) {
	f := newFinder(types)
	n, err := newNode(ctx, c, true, f)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(ctx)
	b := &Browser{node: n, f: f, end: end, news: make(chan struct{}, 1)}
	n.after = func() {
		if len(f.events) > 0 {
			select {
			case b.news <- struct{}{}:
			default:
			}
		}
	}
	go n.run(ctx, func() []outgoing { return nil })
	return b, nil
}

// Found yields each stream when it is found, when something about it changes, and when it has gone. It ends with the
// Browser. Whoever is slow gets only the newest of each stream.
func (b *Browser) Found() iter.Seq[Found] {
	return func(yield func(Found) bool) {
		for {
			var next []Found
			select {
			case <-b.node.ended:
				return
			case <-b.news:
				b.node.do(func(time.Time) { next, b.f.events = b.f.events, nil })
			}
			for _, f := range next {
				if !yield(f) {
					return
				}
			}
		}
	}
}

// Heard returns what the Browser has noticed of the network up to now.
func (b *Browser) Heard() (h Heard) {
	b.node.do(func(time.Time) {
		h = b.f.heard
		h.Others, h.Types = b.f.machines(), slices.Sorted(maps.Keys(b.f.kinds))
		h.NoPort, h.Dropped = b.node.passive, b.node.dropped.Load()
		for _, l := range b.node.links {
			is := Link{Name: l.name, Addrs: l.own, Loopback: l.loopback, Echo: b.f.echo[l.index]}
			for _, k := range b.node.byGroup {
				_, joined := k.joined[l.index]
				is.IPv4 = is.IPv4 || joined && k.group == group4
				is.IPv6 = is.IPv6 || joined && k.group == group6
				if problem := k.problems[l.index]; problem != "" {
					is.Problems = append(is.Problems, problem)
				}
			}
			h.Links = append(h.Links, is)
		}
	})
	return h
}

// Close ends the Browser.
func (b *Browser) Close() error {
	b.end()
	<-b.node.ended
	return nil
}
