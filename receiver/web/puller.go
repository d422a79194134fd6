package web

import (
	"cmp"
	"time"
)

// A puller is a source on demand, for as long as it is pulled. Its fields, but for hub, are under the hub's mu.
type puller struct {
	hub  *Hub
	open bool
	err  error // why it failed when it was last open, until it brings a picture
}

// add makes the named streams known, as long as there are not too many.
func (p *puller) add(streams []string) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.hub.pullers[p] = struct{}{}
	for _, name := range streams {
		if s := p.hub.stream(name, time.Now()); s != nil && s.last.IsZero() {
			s.puller, s.resting = p, true
			p.hub.front = cmp.Or(p.hub.front, s)
		}
	}
}

// remove leaves the streams that p has fed to age like any others.
func (p *puller) remove() {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	delete(p.hub.pullers, p)
	for s := range p.hub.streamsOf(p) {
		s.puller = nil
	}
}

// opened forgets the pictures that p brought before it failed.
func (p *puller) opened() {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.open = true
	now := time.Now()
	for s := range p.hub.streamsOf(p) {
		if !s.live(now, p.hub.config.QuietAfter) {
			p.hub.clear(s)
		}
	}
}

// closed forgets the pictures that p has brought: nobody watches.
func (p *puller) closed() {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.open = false
	for s := range p.hub.streamsOf(p) {
		s.resting = true
		p.hub.clear(s)
	}
}

func (p *puller) failed(err error) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	p.open, p.err = false, err
}
