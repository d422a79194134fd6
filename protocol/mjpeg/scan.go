package mjpeg

import "bytes"

// scan looks through what has been read for a whole picture. If there is none, it returns nil, and more has to be read.
func (r *Reader) scan() []byte {
	for r.inPicture || r.findPicture() {
		switch r.walk.walk(r.buf.pending(), r.limit) {
		case whole:
			return r.finish()
		case broken:
			if picture := r.endless(); picture != nil {
				return picture
			}
			r.giveUp(r.walk.reason)
		case unfinished:
			if r.err != nil || r.declared > 0 && len(r.buf.pending()) >= r.declared {
				if picture := r.endless(); picture != nil {
					return picture
				}
				r.declared = 0
			}
			if r.err == nil {
				return nil
			}
			r.giveUp(Truncated)
		}
	}
	return nil
}

// findPicture searches for the SOI that begins the next picture and drops what is before it.
func (r *Reader) findPicture() bool {
	pending := r.buf.pending()
	for {
		i := bytes.Index(pending[r.search:], soi)
		if i < 0 {
			r.pruneGap()
			return false
		}
		at := r.search + i
		inPart := behindBlankLine(pending[:at])
		if r.strict && at < r.extent && !inPart {
			r.search = at + len(soi) // inside a broken part, and not the next part: a thumbnail
			continue
		}
		r.judge(pending[:at])
		if r.mend {
			r.declared = declaredLength(pending[:at])
		}
		r.drop(at)
		r.inPicture, r.walk = true, newWalker(inPart)
		r.walk.mend = r.mend
		return true
	}
}

// pruneGap is called when the bytes so far have no SOI. It drops bytes that no longer matter, so that garbage of any length
// takes bounded memory.
func (r *Reader) pruneGap() {
	pending := r.buf.pending()
	r.search = len(pending)
	if r.err != nil {
		r.judge(pending)
		r.drop(len(pending))
		return
	}
	if bytes.HasSuffix(pending, soi[:1]) {
		r.search-- // half an SOI, perhaps
	}
	if r.counted || r.search > maxGap {
		r.judge(pending[:r.search])
		r.drop(max(0, r.search-lookBehind))
	}
}

// judge reports what lies between two pictures if it is more than multipart text and padding.
func (r *Reader) judge(gap []byte) {
	if !r.counted && !isMultipartText(gap) {
		r.skip(Garbage)
		r.counted = true
	}
}

// finish ends a picture that is whole.
func (r *Reader) finish() []byte {
	picture := r.buf.handOver(r.walk.pos)
	r.inPicture, r.counted = false, false
	r.search, r.extent = 0, 0
	if r.mend {
		return r.mended(picture)
	}
	return picture
}

// giveUp ends a broken picture. The search for the next one begins behind what certainly belonged to this one.
func (r *Reader) giveUp(reason Reason) {
	inside := r.extent > 0 // it was found inside another broken picture, which has been reported
	if !inside && (reason != Garbage || !r.counted) {
		r.skip(reason)
	}
	r.counted = true

	arrived := len(r.buf.pending())
	if reason != Garbage {
		r.extent = max(r.extent, min(r.walk.pos, arrived))
		r.strict = r.walk.inPart
	}
	sure := min(r.walk.sure, arrived)
	keep := max(0, sure-lookBehind)
	r.drop(keep)
	r.inPicture, r.search = false, sure-keep
}

// drop forgets the first n pending bytes.
func (r *Reader) drop(n int) {
	r.buf.lo += n
	r.search = max(0, r.search-n)
	r.extent = max(0, r.extent-n)
}
