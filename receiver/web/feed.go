package web

import (
	"sync"
	"sync/atomic"
	"time"
)

// nudgeEvery is how often the viewers of a quiet feed are woken to see whether they are still there.
const nudgeEvery = time.Second

// A feed hands the newest part to those who watch it. They read newest without a lock; everything else, and every
// change of newest, is under mu, the hub's.
type feed struct {
	newest atomic.Pointer[item]

	mu       *sync.Mutex
	watchers int       // viewers and snapshots
	dropped  bool      // its stream has been forgotten: nothing will come
	since    time.Time // when newest was last replaced
	nudger   *time.Timer
}

// An item is what a feed points to, until it points to another.
type item struct {
	part *part  // nil before the first picture and after a rest
	last *part  // the one before it, for who is only one behind; nil if there is none
	seq  uint64 // counts the parts that were put: a gap tells a viewer how many it has skipped
	over chan struct{}
}

func newFeed(mu *sync.Mutex) *feed {
	f := &feed{mu: mu}
	f.newest.Store(&item{over: make(chan struct{})})
	return f
}

// put makes p the newest part and wakes everyone who waits for it.
func (f *feed) put(p *part) {
	old := f.newest.Load()
	f.replace(&item{part: p, last: old.part, seq: old.seq + 1})
}

// clear forgets the newest part: it would be stale when pictures come again.
func (f *feed) clear() {
	f.replace(&item{seq: f.newest.Load().seq})
}

// nudge wakes everyone who waits, without a new part.
func (f *feed) nudge() {
	old := f.newest.Load()
	f.replace(&item{part: old.part, last: old.last, seq: old.seq})
}

func (f *feed) replace(it *item) {
	it.over = make(chan struct{})
	old := f.newest.Swap(it)
	f.since = time.Now()
	close(old.over)
}

// enter and leave count who watches.
func (f *feed) enter() {
	if f.watchers++; f.watchers == 1 {
		f.nudger = time.AfterFunc(nudgeEvery, f.tick)
	}
}

func (f *feed) leave() {
	if f.watchers--; f.watchers == 0 {
		f.nudger.Stop()
	}
}

// tick runs once a second while somebody watches.
func (f *feed) tick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watchers == 0 {
		return
	}
	if time.Since(f.since) >= nudgeEvery {
		f.nudge()
	}
	f.nudger.Reset(nudgeEvery)
}
