package protocol

import "sync"

const (
	// pooled is how many frames' memory a Pool keeps at the most, and pooledSize how many bytes each may have: the memory
	// of larger ones is rarely wanted, and much to keep.
	pooled     = 4
	pooledSize = 1 << 20
)

// A Pool keeps the memory of frames that are done with for those to come. The kernel hands out new memory page by page,
// each at the cost of a fault of half a microsecond, in a virtual machine of one and a half: for a frame of 80 kB that is
// up to 30 µs of delay. The zero value is ready, nil keeps nothing, and any number of goroutines may use one.
type Pool struct {
	mu   sync.Mutex
	free [][]byte
}

// Get returns n bytes, with anything in them.
func (p *Pool) Get(n int) []byte {
	if b := p.take(); cap(b) >= n {
		return b[:n]
	}
	return make([]byte, n)
}

// Put takes memory back, of which nobody has any use left.
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

// take returns what came last, nil if there is nothing.
func (p *Pool) take() (b []byte) {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		b, p.free[last] = p.free[last], nil
		p.free = p.free[:last]
	}
	return b
}
