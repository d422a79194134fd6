package mjpeg

import "math/bits"

// standardWords are the code words of the standard tables: [DC, AC][luma, chroma][symbol].
var standardWords = func() (words [2][2][256]word) {
	for class, tables := range standardTables {
		for number, t := range tables {
			words[class][number], _ = t.words() // only a wrong table is an error
		}
	}
	return words
}()

type bitWriter struct {
	out []byte
	acc uint64 // the last bits, at the low end
	n   int    // how many, less than 8 between two calls
}

func (w *bitWriter) write(bits uint32, n int) {
	w.acc = w.acc<<n | uint64(bits)
	for w.n += n; w.n >= 8; w.n -= 8 {
		b := byte(w.acc >> (w.n - 8))
		if w.out = append(w.out, b); b == 0xFF {
			w.out = append(w.out, 0)
		}
	}
}

// finish fills up the last byte with ones.
func (w *bitWriter) finish() {
	if w.n > 0 {
		w.write(1<<(8-w.n)-1, 8-w.n)
	}
}

// block writes one block with the standard tables of a number. It returns false if a coefficient is larger than a baseline
// picture's can be.
func (w *bitWriter) block(b *[64]int16, before *int32, table int) bool {
	if !w.value(&standardWords[0][table], 0, int32(b[0])-*before) {
		return false
	}
	*before = int32(b[0])
	ac := &standardWords[1][table]
	run := 0
	for _, v := range b[1:] {
		if v == 0 {
			run++
			continue
		}
		for ; run > 15; run -= 16 {
			w.write(uint32(ac[0xF0].bits), int(ac[0xF0].length))
		}
		if !w.value(ac, run, int32(v)) {
			return false
		}
		run = 0
	}
	if run > 0 {
		w.write(uint32(ac[0].bits), int(ac[0].length))
	}
	return true
}

// value writes a number behind a run of zeros (T.81, F.1.2).
func (w *bitWriter) value(words *[256]word, run int, v int32) bool {
	size := bits.Len32(uint32(max(v, -v)))
	if size > 15 {
		return false
	}
	code := words[run<<4|size]
	if code.length == 0 {
		return false
	}
	if v < 0 {
		v--
	}
	w.write(uint32(code.bits)<<size|uint32(v)&(1<<size-1), int(code.length)+size)
	return true
}
