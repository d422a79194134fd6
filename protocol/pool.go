package protocol

import (
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// pooled is how many pieces of memory a Pool keeps at most. pooledSize is the most bytes in each: larger ones are rarely
	// needed, and would take much memory.
	pooled     = 4
	pooledSize = 1 << 20

	// pooledGrain is the number of bytes to whose multiples sizes are rounded up. So a frame fits into the memory of one
	// that was a little smaller.
	pooledGrain = 32 << 10
)

// A Pool reuses the memory of finished frames. New memory costs a page fault for each page: 0.5 µs, or 1.5 µs in a virtual
// machine. For a frame of 80 kB that is up to 30 µs of delay. The zero value is ready, and a nil Pool keeps nothing. Any
// number of goroutines may call Get and Put.
//
// A pool also lends frames, one at a time. Lend and TakeBack are for one goroutine: the one that yields the frames.
type Pool struct {
	mu   sync.Mutex
	free [][]byte

	lent []byte      // the bytes of the frame that is lent, nil if there is none
	kept atomic.Bool // whether somebody keeps these bytes
}

// Lend marks a frame as lent. Its bytes must come from Get. They return to the pool with TakeBack, or when the next frame is
// lent, unless somebody has called [Frame.Keep].
func (p *Pool) Lend(f Frame) Frame {
	p.TakeBack()
	p.lent = f.JPEG
	f.lender, f.immutable = p, false
	return f
}

// TakeBack ends the loan of the frame that was lent last. Call it when the loop's body that had the frame has ended.
func (p *Pool) TakeBack() {
	if !p.kept.Swap(false) {
		p.Put(p.lent)
	}
	p.lent = nil
}

// Get returns n bytes. They are not cleared.
func (p *Pool) Get(n int) []byte {
	if b := p.reuse(n); b != nil {
		return b[:n]
	}
	return make([]byte, n, ceilDiv(n, pooledGrain)*pooledGrain)
}

// Put gives memory to the pool. Nobody may use it any more.
func (p *Pool) Put(b []byte) {
	if p == nil || cap(b) == 0 || cap(b) > pooledSize {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < pooled {
		p.free = append(p.free, b[:0])
	}
}

// reuse removes and returns memory with room for n bytes, the latest that came back. If there is none it returns nil, and
// forgets the latest, because frames have become larger.
func (p *Pool) reuse(n int) []byte {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, b := range slices.Backward(p.free) {
		if cap(b) >= n {
			p.free = slices.Delete(p.free, i, i+1)
			return b
		}
	}
	if last := len(p.free) - 1; last >= 0 {
		p.free = slices.Delete(p.free, last, last+1)
	}
	return nil
}
