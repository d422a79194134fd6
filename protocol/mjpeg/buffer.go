package mjpeg

const (
	firstSize = 64 << 10 // the size of a picture as long as none has been seen
	minRead   = 4 << 10  // the least room to read into
)

// A buffer holds the bytes that were read. Usually its memory becomes the picture that is handed over. Until then it owns
// mem.
type buffer struct {
	alloc   func(size int) []byte
	mem     []byte
	lo, hi  int // mem[lo:hi] has been read and is still to be looked at
	typical int // the size of recent pictures: it grows at once, and shrinks slowly
}

// pending returns what has been read and is still to be looked at.
func (b *buffer) pending() []byte { return b.mem[b.lo:b.hi] }

// capacity is the size of a new buffer: a recent picture, a part's header, and room for pictures that get larger.
func (b *buffer) capacity() int { return b.typical + b.typical/8 + minRead }

// room returns the free end of the buffer: at least minRead bytes, and enough for a typical picture where that is cheap.
func (b *buffer) room() []byte {
	want, have := b.capacity(), b.hi-b.lo
	switch {
	case b.mem == nil:
		b.move(want)
	case len(b.mem) > 4*want && 2*have <= want:
		b.move(want) // pictures have become much smaller
	case len(b.mem)-b.lo < want && have <= b.lo:
		copy(b.mem, b.pending())
		b.lo, b.hi = 0, have
	case len(b.mem)-b.hi < minRead:
		b.move(max(2*have, want, have+2*minRead)) // so that many short reads share it
	}
	return b.mem[b.hi:]
}

// move copies the pending bytes to new memory of the given size.
func (b *buffer) move(size int) {
	mem := b.alloc(size)
	b.hi = copy(mem, b.pending())
	b.lo, b.mem = 0, mem
}

// handOver returns the first n pending bytes, a whole picture, for the caller to keep. Usually the memory is handed over,
// and the bytes behind the picture are copied to new memory. The picture is copied instead if it is shorter than these
// bytes, or if a small picture would keep a large buffer alive.
func (b *buffer) handOver(n int) []byte {
	if n > b.typical {
		b.typical = n
	} else {
		b.typical -= (b.typical - n) / 8
	}
	pic := b.mem[b.lo : b.lo+n]
	b.lo += n
	beyond := b.hi - b.lo
	if beyond > n || len(b.mem) > 2*n+minRead {
		clone := b.alloc(n)
		copy(clone, pic)
		return clone
	}
	if beyond > 0 {
		b.move(max(b.capacity(), beyond+minRead))
	} else {
		b.mem, b.lo, b.hi = nil, 0, 0
	}
	return pic
}
