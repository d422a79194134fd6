package mjpeg

import "bytes"

// If a picture is cut off inside a segment, the bytes that follow look like the rest of the segment. The pictures of a
// stream often begin alike. Then the segment may end just at one of the next picture's markers, and the walk would go on in
// the next picture. So each segment is searched once it has passed. If it holds something that can only be the beginning of
// another picture, the first picture was cut off.

// cutInside looks for the beginning of another picture in the last segment. If there is one, the walker goes back to it. The
// walker must be at the marker behind the segment. Behind a scan header, it must be at entropy-coded data that has begun.
func (w *walker) cutInside(pic []byte) bool {
	if w.inside == 0 {
		return false
	}
	end := w.pos
	if w.inScan {
		end++
	}
	for at := w.inside; ; at += len(soi) {
		i := bytes.Index(pic[at:end], soi)
		if i < 0 {
			w.inside = 0
			return false
		}
		at += i
		if w.beginsPicture(pic, at) {
			w.pos, w.sure = at, at
			return true
		}
	}
}

// beginsPicture reports whether the SOI at a place inside a segment can only be the beginning of a picture.
func (w *walker) beginsPicture(pic []byte, at int) bool {
	code := pic[w.inside-3]
	switch {
	case w.inPart && behindPartHeader(pic[:at]):
		return true
	case code == markerSOS:
		return true // FF could be a component's name, but D8 cannot follow one (B.2.3)
	case mayHoldPicture(code), pic[at+2] != 0xFF, !isSegment(pic[at+3]):
		return false
	case code != markerDQT:
		return true
	}
	// A quantization table may itself hold FF D8 FF, but no zero (B.2.4.1). The segment that begins a picture here has a
	// length whose first byte is zero: a longer one would not have ended inside the table. At the table's very end that
	// byte cannot be seen. There, only APPn or a comment counts as the beginning of a picture, because they seldom follow a
	// table.
	if at+4 < w.pos {
		return pic[at+4] == 0
	}
	return mayHoldPicture(pic[at+3])
}
