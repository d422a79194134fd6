package web

// demand counts who watches anything, and tells those who capture on demand when that begins and when it ends.
type demand struct {
	watchers int
	changed  chan struct{} // closed, and replaced, when watchers becomes zero or more than zero
}

func (d *demand) add(n int) {
	before := d.watchers
	d.watchers += n
	if (before == 0) != (d.watchers == 0) {
		close(d.changed)
		d.changed = make(chan struct{})
	}
}

// watch counts one more who watches f, until leave is called. That is what opens a source on demand. It returns false
// if f's stream has been forgotten meanwhile.
func (h *Hub) watch(f *feed) (leave func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.dropped {
		return nil, false
	}
	f.enter()
	h.demand.add(1)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		f.leave()
		h.demand.add(-1)
	}, true
}

// watched reports whether anybody watches anything, and returns a channel that is closed when that changes.
func (h *Hub) watched() (bool, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.demand.watchers > 0, h.demand.changed
}
