package protocol

import "testing"

// TestPool holds that frames of about the same size use each other's memory, in whichever order they come and go.
func TestPool(t *testing.T) {
	var p Pool
	sizes := []int{94_593, 94_638, 90_000, 95_000, 94_600}
	for _, n := range sizes {
		p.Put(p.Get(n))
	}
	i := 0
	if made := testing.AllocsPerRun(100, func() {
		a, b := p.Get(sizes[i%len(sizes)]), p.Get(sizes[(i+1)%len(sizes)])
		i++
		p.Put(a)
		p.Put(b)
	}); made > 0 {
		t.Errorf("%v allocations a round of two frames", made)
	}
}

// TestPoolForgets holds that memory too small to be of any more use gives way, so that the pool is of use again.
func TestPoolForgets(t *testing.T) {
	var p Pool
	for range 2 * pooled {
		p.Put(make([]byte, 1000))
	}
	for range 2 * pooled {
		p.Put(p.Get(100_000))
	}
	if made := testing.AllocsPerRun(100, func() { p.Put(p.Get(100_000)) }); made > 0 {
		t.Errorf("%v allocations a frame, after frames that were smaller", made)
	}
	if b := p.Get(pooledSize + 1); len(b) != pooledSize+1 {
		t.Errorf("%d bytes", len(b))
	}
	var none *Pool
	none.Put(none.Get(5))
}
