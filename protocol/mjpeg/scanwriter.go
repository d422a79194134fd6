package mjpeg

import "math/bits"

// A word is a code word and its length in bits; the length is 0 if there is none.
type word struct {
	bits   uint16
	length uint8
}

// standardWords are the code words of the standard tables: [DC, AC][luma, chroma][symbol].
var standardWords = func() (words [2][2][256]word) {
	for class, tables := range standardTables {
		for number, t := range tables {
			codes, lengths, _ := t.codes() // the error is a table's that is wrong
			for symbol := range words[class][number] {
				words[class][number][symbol] = word{codes[symbol], lengths[symbol]}
			}
		}
	}
	return words
}()

// tableOf is which standard tables a component is written with: the first is luma.
func tableOf(component int) int { return min(component, 1) }

// scanHeader is the scan header's segment (T.81, B.2.3).
func (c *coefficients) scanHeader() []byte {
	n := len(c.components)
	header := []byte{0xFF, markerSOS, 0, byte(6 + 2*n), byte(n)}
	for i, comp := range c.components {
		header = append(header, comp.id, byte(tableOf(i)*0x11))
	}
	return append(header, 0, 63, 0)
}

// appendScan appends the entropy-coded data.
func (c *coefficients) appendScan(out []byte) ([]byte, error) {
	w := bitWriter{out: out}
	first := c.components[0]
	across, down := first.width/first.h, first.height/first.v
	var before [4]int32
	for y := range down {
		for x := range across {
			for i := range c.components {
				comp := &c.components[i]
				for n := range comp.h * comp.v {
					if !w.block(comp.block(x*comp.h+n%comp.h, y*comp.v+n/comp.h), &before[i], tableOf(i)) {
						return nil, errRange
					}
				}
			}
		}
	}
	w.finish()
	return w.out, nil
}

// block writes one block. It returns false if a coefficient is larger than a baseline picture's can be.
func (w *bitWriter) block(b *[64]int16, before *int32, table int) bool {
	if !w.value(standardWords[0][table][:], 0, int32(b[0])-*before) {
		return false
	}
	*before = int32(b[0])
	ac := standardWords[1][table][:]
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

// value writes a number behind so many zeros (T.81, F.1.2).
func (w *bitWriter) value(words []word, run int, v int32) bool {
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
