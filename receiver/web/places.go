package web

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// viewers has the present viewers, and totals over all viewers so far.
//
// There are so many places at most. While one is free, everybody gets one, however many an address has already. When none
// is free, a newcomer gets one of the address that has the most, unless that has hardly more than the newcomer's own. So
// an address can take all places that others do not want, and no more than its share of those that they do.
type viewers struct {
	config Config
	most   int             // number of places
	ctx    context.Context // done when the server is closed
	close  context.CancelFunc

	out, bytes, skipped, stalled, refused, gaveWay atomic.Uint64 // see Stats

	mu     sync.Mutex
	here   map[*viewer]struct{}
	lastID uint64
}

func newViewers(c Config, most int) *viewers {
	vs := &viewers{config: c, most: most, here: map[*viewer]struct{}{}}
	vs.ctx, vs.close = context.WithCancel(context.Background())
	return vs
}

// admit gives v a place, and reports whether there is one.
func (vs *viewers) admit(v *viewer) bool {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if vs.ctx.Err() != nil || len(vs.here) >= vs.most && !vs.makeRoom(v.address) {
		vs.refused.Add(1)
		return false
	}
	vs.lastID++
	v.id, v.all = vs.lastID, vs
	vs.here[v] = struct{}{}
	return true
}

// makeRoom takes a place from the address that has the most, and reports whether that makes it fairer. Of the viewers of
// that address, the one gives way that has not taken what was sent to it for the longest. It wants vs.mu held.
func (vs *viewers) makeRoom(address string) bool {
	of := map[string]int{}
	for v := range vs.here {
		of[v.address]++
	}
	var last *viewer
	now := time.Now().UnixNano()
	for v := range vs.here {
		if last == nil || of[v.address] > of[last.address] ||
			of[v.address] == of[last.address] && v.behind(now) > last.behind(now) {
			last = v
		}
	}
	if last == nil || of[last.address] < of[address]+2 { // with one more, the two would only change places
		return false
	}
	delete(vs.here, last)
	vs.gaveWay.Add(1)
	last.cancel(errGaveWay)
	last.breakOff()
	return true
}

// behind returns for how many nanoseconds v has not taken what was sent to it.
func (v *viewer) behind(now int64) int64 {
	if since := v.waiting.Load(); since != 0 {
		return now - since
	}
	return 0
}

// dismiss frees the place of v, if v has one.
func (vs *viewers) dismiss(v *viewer) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	delete(vs.here, v)
}

// moveTo gives up the place of v for one of others, and reports whether there is one.
func (v *viewer) moveTo(others *viewers) bool {
	v.all.dismiss(v)
	return others.admit(v)
}

func (vs *viewers) count() int {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return len(vs.here)
}

// list returns who watches a stream now. Callers may use only atomic fields, and fields that never change.
func (vs *viewers) list() []*viewer {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	list := slices.Collect(maps.Keys(vs.here))
	return slices.DeleteFunc(list, func(v *viewer) bool { return !v.watching })
}
