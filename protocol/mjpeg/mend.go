package mjpeg

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
)

// With ReaderOptions.Mend, a Reader takes pictures that cameras get wrong and that decoders show all the same:
//
//   - Bytes that belong to no segment are left out, such as a zero behind a segment with an odd length, or a second SOI.
//   - An EOI is put where it is missing, if all of the picture is there. That is known by decoding: without it, a picture
//     that was cut off would look the same. It is done for baseline pictures in one scan, as all cameras make them.
//   - Huffman tables that are missing are the standard ones: see [Complete].

// maxStrays is how many bytes of a picture may belong to no segment: few behind an SOI, which other data have by chance. It
// bounds what is searched for a marker again and again.
const maxStrays, maxFirstStrays = 1 << 10, 16

// passStrays moves pos to the next marker that can stand there, as libjpeg does (jdmarker.c, next_marker).
func (w *walker) passStrays(pic []byte) verdict {
	at, most := w.pos, maxStrays
	if !w.begun {
		most = maxFirstStrays
	}
	for ; ; at++ {
		if at >= len(pic) || pic[at] == 0xFF && at+1 >= len(pic) {
			return unfinished
		}
		if w.stray()+at-w.pos > most {
			return w.fail(Malformed)
		}
		if pic[at] != 0xFF {
			continue
		}
		if code := pic[at+1]; code != 0 && code != markerTEM && !isRST(code) {
			doubled := code == markerSOI && !w.hasFrame && at == w.pos && !w.straysEnd(at)
			if !doubled {
				break
			}
			at++ // and pass the code
		}
	}
	if at == w.pos {
		return whole
	}
	if w.last > 0 && bytes.Contains(pic[w.last:w.pos], soi) {
		return w.fail(Malformed) // the segment may have swallowed the beginning of the next picture
	}
	w.strays = append(w.strays, [2]int{w.pos, at})
	w.pos = at
	return whole
}

// stray is how many strays there have been.
func (w *walker) stray() (n int) {
	for _, s := range w.strays {
		n += s[1] - s[0]
	}
	return n
}

// straysEnd reports whether strays end at a place.
func (w *walker) straysEnd(at int) bool {
	return len(w.strays) > 0 && w.strays[len(w.strays)-1][1] == at
}

// mended returns a picture, whose memory is the caller's, without strays and with Huffman tables.
func (r *Reader) mended(picture []byte) []byte {
	picture = without(picture, r.walk.strays)
	at := withoutTables(picture)
	if at == 0 {
		return picture
	}
	dst := append(r.buf.alloc(len(picture) + len(standardDHT))[:0], picture[:at]...)
	return append(append(dst, standardDHT...), picture[at:]...)
}

// without takes strays out of a picture.
func without(picture []byte, strays [][2]int) []byte {
	for _, s := range slices.Backward(strays) {
		picture = slices.Delete(picture, s[0], min(s[1], len(picture)))
	}
	return picture
}

// endless returns the picture that the pending bytes begin with, if all but its EOI is there, and goes on behind it.
// Otherwise it returns nil.
func (r *Reader) endless() []byte {
	if !r.mend || !r.walk.hasScan {
		return nil
	}
	pic := r.buf.pending()
	pic = pic[:min(r.walk.pos, len(pic))]
	if len(r.walk.strays) > 0 {
		pic = without(slices.Clone(pic), r.walk.strays)
	}
	length := scanEnd(pic)
	if length == 0 || length+r.walk.stray()+2 > r.limit || !isMultipartText(pic[length:]) {
		return nil
	}
	r.walk.pos = length + r.walk.stray()
	picture := append(r.finish(), 0xFF, markerEOI)
	r.declared = 0
	return picture
}

// scanEnd returns where the data of a picture end that has one scan and no EOI, or 0 if they are not all there.
func scanEnd(pic []byte) int {
	var c coefficients
	for at, segment := range segments(pic) {
		code, body := segment[1], segment[4:]
		switch err := c.readSegment(code, body); {
		case err != nil, isSOF(code) && code != markerSOF0 && code != markerSOF1:
			return 0
		case code == markerSOS:
			if c.tables == [2][4]*codebook{} {
				c.readTables(standardDHT[4:])
			}
			if c.readScanHeader(body) != nil {
				return 0
			}
			scan := pic[at+len(segment):]
			if unread, ok := c.passScan(scan); ok {
				return len(pic) - unread
			}
			return 0
		}
	}
	return 0
}

// passScan decodes a scan and keeps nothing. It returns how many bytes are behind the last block, and whether that is there.
func (c *coefficients) passScan(scan []byte) (unread int, ok bool) {
	bits := bitReader{data: scan}
	first := c.components[0]
	total := first.width / first.h * (first.height / first.v)
	var before [4]int32
	var block [64]int16
	for mcu := range total {
		if c.restart > 0 && mcu > 0 && mcu%c.restart == 0 && !isRST(bits.marker()) {
			return 0, false
		}
		for i := range c.components {
			comp := &c.components[i]
			for range comp.h * comp.v {
				if !bits.block(comp, &block, &before[i]) {
					return 0, false
				}
			}
		}
	}
	end := len(scan) - len(bits.data)
	for ahead := (bits.n - bits.void) / 8; ahead > 0; ahead-- {
		if end--; scan[end] == 0 && end > 0 && scan[end-1] == 0xFF {
			end--
		}
	}
	return len(scan) - end, total > 0
}

var contentLength = regexp.MustCompile(`(?i)content-length:[ \t]*(\d{1,9})[ \t]*\r?\n`)

// declaredLength returns the length in the header of a part, or 0.
func declaredLength(text []byte) int {
	if len(text) > maxGap {
		return 0
	}
	n := 0
	if m := contentLength.FindSubmatch(text); m != nil {
		n, _ = strconv.Atoi(string(m[1]))
	}
	return n
}
