package mjpeg

import (
	"bytes"
	"errors"
	"math"
	"slices"
)

// ErrCut is that a picture ends before its EOI.
var ErrCut = errors.New("mjpeg: the picture is cut off")

// Complete appends to dst the one picture that b begins with, fit for any decoder: without what stands behind its end,
// such as the zeros that cameras fill their buffers up with, and with the standard Huffman tables in front of its first
// scan if it has none, as the frames of USB cameras do (USB Video Class, payload Motion-JPEG, leaves them out). All else
// stays as it is. It returns the longer slice, or dst and an error: ErrCut, or what is broken.
//
// It walks the markers, as [Check] does, and decodes nothing.
func Complete(dst, b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, soi) {
		return dst, errNoSOI
	}
	w := newWalker(false)
	switch w.walk(b, math.MaxInt) {
	case unfinished:
		return dst, ErrCut
	case broken:
		return dst, errors.New("mjpeg: the picture is broken: " + string(w.reason))
	}
	picture := b[:w.pos]
	at := withoutTables(picture)
	dst = slices.Grow(dst, len(picture)+len(standardDHT))
	if at == 0 {
		return append(dst, picture...), nil
	}
	dst = append(dst, picture[:at]...)
	dst = append(dst, standardDHT...)
	return append(dst, picture[at:]...), nil
}

// withoutTables returns where the first scan of a whole picture begins, if there are no Huffman tables before it that it
// needs, and otherwise 0.
func withoutTables(picture []byte) int {
	needed := false
	for at, code := range segments(picture) {
		switch {
		case code == markerDHT:
			return 0
		case isSOF(code):
			needed = code == markerSOF0 || code == markerSOF0+1 // the others' tables are never standard, or not Huffman's
		case code == markerSOS && needed:
			return at
		}
	}
	return 0
}

// segments yields where each segment of a whole picture begins, at its marker, and its marker's code, up to the first
// scan's header.
func segments(picture []byte) func(yield func(at int, code byte) bool) {
	return func(yield func(int, byte) bool) {
		for at := len(soi); at+4 <= len(picture); {
			code := picture[at+1]
			if code == markerFill {
				at++
				continue
			}
			if !yield(at, code) || code == markerSOS {
				return
			}
			at += 2 + int(picture[at+2])<<8 + int(picture[at+3])
		}
	}
}
