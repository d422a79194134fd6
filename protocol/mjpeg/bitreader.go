package mjpeg

// A codebook decodes what a Huffman table encodes.
type codebook struct {
	// quick is indexed by the next quickBits bits of a stream. It says which code word they begin with: the low byte has
	// the word's length, and the high byte its value. It is 0 if the word is longer, or if there is none.
	quick [1 << quickBits]uint16
	// limit is, by length, the first number behind the code words of that length, filled up to 16 bits. offset is what to
	// add to a code word to find its place in values.
	limit, offset [17]int
	values        string
}

const quickBits = 9

func (b *codebook) set(t huffmanTable) error {
	words, err := t.words()
	if err != nil {
		return err
	}
	*b = codebook{values: t.values}
	for symbol, w := range words {
		if w.length == 0 || w.length > quickBits {
			continue
		}
		free := quickBits - int(w.length)
		for i := range 1 << free {
			b.quick[int(w.bits)<<free+i] = uint16(symbol)<<8 | uint16(w.length)
		}
	}
	code, next := 0, 0
	for i := range len(t.counts) {
		length, count := i+1, int(t.counts[i])
		b.offset[length] = next - code
		code += count
		next += count
		b.limit[length] = code << (16 - length)
		code <<= 1
	}
	return nil
}

// A bitReader reads entropy-coded data (T.81, annex F.2.2). Behind the data's end, a marker, it reads zeros.
type bitReader struct {
	data []byte
	acc  uint64 // the next bits, from the top down
	n    int    // how many
	void int    // how many of them are behind the end
}

// fill reads more, so that at least 32 bits are ready.
func (r *bitReader) fill() {
	for r.n <= 56 {
		var b byte
		switch {
		case len(r.data) > 0 && r.data[0] != 0xFF:
			b, r.data = r.data[0], r.data[1:]
		case len(r.data) > 1 && r.data[1] == 0:
			b, r.data = 0xFF, r.data[2:]
		default:
			r.void += 8
		}
		r.acc |= uint64(b) << (56 - r.n)
		r.n += 8
	}
}

func (r *bitReader) skip(n int) { r.acc <<= n; r.n -= n }

// symbol decodes one code word. It returns false if there is none. At least 16 bits must be ready.
func (r *bitReader) symbol(b *codebook) (s byte, ok bool) {
	if q := b.quick[r.acc>>(64-quickBits)]; q != 0 {
		r.skip(int(q & 0xFF))
		return byte(q >> 8), true
	}
	prefix := int(r.acc >> 48)
	for length := quickBits + 1; length <= 16; length++ {
		if prefix < b.limit[length] {
			at := prefix>>(16-length) + b.offset[length]
			if at < 0 || at >= len(b.values) {
				return 0, false
			}
			r.skip(length)
			return b.values[at], true
		}
	}
	return 0, false
}

// value reads a number of up to 16 bits, encoded as in T.81, F.2.2.1 (EXTEND). That many bits must be ready.
func (r *bitReader) value(bits byte) int32 {
	if bits == 0 {
		return 0
	}
	v := int32(r.acc >> (64 - bits))
	r.skip(int(bits))
	if v < 1<<(bits-1) {
		v += -1<<bits + 1
	}
	return v
}

// block reads one block. It reports whether it is whole.
func (r *bitReader) block(c *component, to *[64]int16, before *int32) bool {
	*to = [64]int16{}
	r.fill()
	size, ok := r.symbol(c.dc)
	if !ok || size > 11 {
		return false
	}
	*before += r.value(size)
	to[0] = int16(*before)
	for at := 1; at < 64; at++ {
		if r.n < 32 {
			r.fill()
		}
		s, ok := r.symbol(c.ac)
		if !ok {
			return false
		}
		run, size := int(s>>4), s&15
		if size == 0 {
			if run != 15 {
				break // the rest is zero
			}
			at += 15
			continue
		}
		if at += run; at > 63 || size > 10 {
			return false
		}
		to[at] = int16(r.value(size))
	}
	return r.n >= r.void
}

// marker passes the next marker and returns its code. It returns 0 if there is none, or if there are more bits before the
// marker than those that fill up a byte.
func (r *bitReader) marker() (code byte) {
	for len(r.data) > 1 && r.data[0] == 0xFF && r.data[1] == markerFill {
		r.data = r.data[1:]
	}
	if r.n-r.void >= 8 || len(r.data) < 2 || r.data[0] != 0xFF {
		return 0
	}
	code = r.data[1]
	r.acc, r.n, r.void, r.data = 0, 0, 0, r.data[2:]
	return code
}
