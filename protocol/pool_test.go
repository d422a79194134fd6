package protocol

import (
	"bytes"
	"testing"
)

// TestPool checks that frames of about the same size use each other's memory, whatever the order in which they come and go.
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

// TestPoolForgets checks that a pool forgets memory that has become too small.
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

// TestPoolLends checks that the memory of a lent frame is used again after the loan. The memory of a frame that was kept is
// never used again, and the frame does not change.
func TestPoolLends(t *testing.T) {
	var p Pool
	lend := func(i byte) Frame {
		p.TakeBack()
		b := p.Get(1000)
		for j := range b {
			b[j] = i
		}
		return p.Lend(Frame{JPEG: b})
	}
	memory := map[*byte]bool{}
	var kept []Frame
	for i := range byte(100) {
		f := lend(i)
		memory[&f.JPEG[0]] = true
		if i%10 == 0 {
			first, second := f.Keep(), f.Keep() // two sinks have it
			if &first.JPEG[0] != &second.JPEG[0] || &first.JPEG[0] != &f.JPEG[0] {
				t.Error("a frame that is lent was copied")
			}
			kept = append(kept, first.Keep())
		}
	}
	for i, f := range kept {
		if want := bytes.Repeat([]byte{byte(10 * i)}, 1000); !bytes.Equal(f.JPEG, want) {
			t.Errorf("frame %d has changed", i)
		}
	}
	if len(memory) != len(kept)+1 {
		t.Errorf("100 frames, of which %d are kept, had memory for %d", len(kept), len(memory))
	}
	if made := testing.AllocsPerRun(100, func() { lend(1) }); made > 0 {
		t.Errorf("%v allocations a frame", made)
	}
}

// TestKeepCopies checks that Keep copies a frame of a program's own bytes, unless the program has said that they never
// change.
func TestKeepCopies(t *testing.T) {
	f := Frame{JPEG: []byte("a picture")}
	if k := f.Keep(); &k.JPEG[0] == &f.JPEG[0] || string(k.JPEG) != "a picture" || &k.Keep().JPEG[0] != &k.JPEG[0] {
		t.Error("it was not copied once")
	}
	if k := f.Immutable().Keep(); &k.JPEG[0] != &f.JPEG[0] {
		t.Error("it was copied")
	}
}
