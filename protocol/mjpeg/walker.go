package mjpeg

import "bytes"

// A verdict is what a walker says of the bytes that it has seen.
type verdict int

const (
	unfinished verdict = iota // all is well so far, but the end is not there yet
	whole                     // the picture ends at walker.pos
	broken                    // it is no picture, or a damaged one: see walker.reason and walker.sure
)

// A walker goes from marker to marker through one picture as its bytes arrive, and never starts over.
type walker struct {
	pos    int    // the next byte to look at, counted from the SOI; it may not have arrived yet
	sure   int    // how many bytes certainly belong to this picture; if it is broken, the search for the next begins here
	begun  bool   // a segment has followed the SOI: this is a picture and not two bytes by chance
	inScan bool   // pos is in entropy-coded data
	inPart bool   // the stream is multipart: the next picture will be behind a part's header
	inside int    // where the contents of the last segment begin, until cutInside has looked at them; else 0
	reason Reason // why it is broken

	hasFrame, hasScan, hierarchical bool

	mend   bool     // pass over what decoders pass over, and note it in strays
	strays [][2]int // from where to where
	last   int      // where the last segment begins
}

// newWalker returns a walker that stands behind a picture's SOI marker.
func newWalker(inPart bool) walker { return walker{pos: len(soi), sure: len(soi), inPart: inPart} }

// walk goes on through pic: all bytes that have arrived, from the picture's SOI on. The picture must end within limit bytes.
// After unfinished, walk is called again when pic is longer. The verdict does not depend on how the bytes arrive.
func (w *walker) walk(pic []byte, limit int) verdict {
	for {
		if w.inScan {
			if v := w.walkScan(pic, limit); v != whole {
				return v
			}
		}
		if w.pos >= len(pic) {
			return unfinished
		}
		if w.mend {
			if v := w.passStrays(pic); v != whole {
				return v
			}
		}
		if pic[w.pos] != 0xFF {
			return w.fail(Malformed)
		}
		if w.pos+1 >= len(pic) {
			return unfinished
		}
		code := pic[w.pos+1]
		switch {
		case code != markerSOI && !w.allows(code):
			return w.fail(Malformed)
		case w.cutInside(pic):
			return w.fail(Truncated)
		case code == markerSOI:
			w.sure = w.pos
			return w.fail(Truncated)
		case w.pos > limit-2:
			w.sure = w.pos
			return w.fail(Oversized)
		case code == markerFill:
			w.pos++
			w.sure = w.pos
			continue
		case code == markerEOI:
			w.pos += 2
			return whole
		}
		if w.pos+4 > len(pic) {
			return unfinished
		}
		if !w.enterSegment(code, int(pic[w.pos+2])<<8|int(pic[w.pos+3])) {
			return w.fail(Malformed)
		}
	}
}

// walkScan goes on through a scan, which is whole when pos is at the marker behind it.
func (w *walker) walkScan(pic []byte, limit int) verdict {
	if w.inside != 0 {
		if w.pos >= len(pic) {
			return unfinished
		}
		if w.cutInside(pic) {
			return w.fail(Truncated)
		}
	}
	switch {
	case w.skipEntropyCoded(pic, limit):
		w.inScan = false
		return whole
	case w.pos > limit-2:
		return w.fail(Oversized)
	}
	return unfinished
}

// skipEntropyCoded moves pos to the marker that ends the entropy-coded data, and reports whether it has arrived.
func (w *walker) skipEntropyCoded(pic []byte, limit int) bool {
	end := min(len(pic), limit)
	for w.pos < end {
		i := bytes.IndexByte(pic[w.pos:end], 0xFF)
		if i < 0 {
			w.pos = end
			break
		}
		w.pos += i
		if w.pos+1 >= end {
			break
		}
		switch code := pic[w.pos+1]; {
		case code == 0 || isRST(code):
			w.pos += 2
		case code == markerFill:
			w.pos++
		default:
			w.sure = w.pos
			return true
		}
	}
	w.sure = w.pos
	return false
}

// allows reports whether a marker, or a fill byte, may stand where the walker is: T.81, figure B.2.
func (w *walker) allows(code byte) bool {
	switch {
	case code == markerFill:
		return true
	case code == markerEOI:
		return w.hasScan
	case code == markerSOS:
		return w.hasFrame
	case isSOF(code):
		return !w.hasFrame || w.hierarchical
	}
	return isSegment(code)
}

// enterSegment moves pos behind the segment that begins at it, and reports whether the segment's length can be true.
func (w *walker) enterSegment(code byte, length int) bool {
	if length < 2 {
		return false
	}
	switch {
	case code == markerSOS:
		if length < 8 || length > 14 || length%2 != 0 { // 6 bytes and 2 for each of 1 to 4 components (B.2.3)
			return false
		}
		w.inScan, w.hasScan = true, true
	case code == markerDHP:
		w.hierarchical = true
	case isSOF(code):
		w.hasFrame = true
	}
	w.inside = 0
	if w.inPart || !mayHoldPicture(code) {
		w.inside = w.pos + 4
	}
	w.begun = true
	w.last, w.sure = w.pos, w.pos+2
	w.pos += 2 + length
	return true
}

// fail sets why the picture is broken.
func (w *walker) fail(reason Reason) verdict {
	w.reason = reason
	if !w.begun {
		w.reason = Garbage
	}
	return broken
}
