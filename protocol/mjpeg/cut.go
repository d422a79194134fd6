package mjpeg

import "bytes"

// A picture that is cut off inside a segment takes as much of what follows as the segment still lacks, and where all
// pictures of a stream begin alike, that often ends just at one of the next picture's markers. Then the walk goes on in
// the next picture as if nothing had happened. So a segment is looked at once it has passed: there must be nothing
// inside that can only be the beginning of another picture.

// cutInside looks for the beginning of another picture in the segment that has been passed last. If there is one, the
// walker is put back to it. The walker is at the marker behind the segment, or in the entropy-coded data behind a scan
// header, with at least one byte of it there.
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

// beginsPicture reports whether the SOI at the given place inside a segment can be nothing else.
func (w *walker) beginsPicture(pic []byte, at int) bool {
	code := pic[w.inside-3]
	switch {
	case w.inPart && behindPartHeader(pic[:at]):
		return true
	case code == markerSOS:
		return true // FF could only be a component's name, and D8 not what follows one (B.2.3)
	case mayHoldPicture(code), pic[at+2] != 0xFF, !isSegment(pic[at+3]):
		return false
	case code != markerDQT:
		return true
	}
	// A quantization table may hold FF D8 FF by itself, but no zero (B.2.4.1), which a length below 256 begins with; a
	// longer segment would not have ended inside the table. Where the table's end and the marker behind it look like
	// an SOI, only APPn or a comment is taken to begin a picture: it seldom comes behind a table.
	if at+4 < w.pos {
		return pic[at+4] == 0
	}
	return mayHoldPicture(pic[at+3])
}
