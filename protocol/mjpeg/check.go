package mjpeg

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// ErrCut means that a picture ends before its EOI.
var ErrCut = errors.New("mjpeg: the JPEG is cut off")

// Check returns nil if jpeg is exactly one whole JPEG, from SOI to EOI, with nothing before or behind it. Otherwise the
// error says what is wrong. Check walks the markers and decodes nothing.
func Check(jpeg []byte) error {
	length, err := wholeLength(jpeg)
	if err == nil && length < len(jpeg) {
		return fmt.Errorf("mjpeg: %d bytes stand behind the JPEG's end", len(jpeg)-length)
	}
	return err
}

// wholeLength returns the length of the picture that b begins with.
func wholeLength(b []byte) (int, error) {
	if !bytes.HasPrefix(b, soi) {
		return 0, errNoSOI
	}
	w := newWalker(false)
	switch w.walk(b, math.MaxInt) {
	case unfinished:
		return 0, fmt.Errorf("%w after %d bytes", ErrCut, len(b))
	case broken:
		return 0, fmt.Errorf("mjpeg: the JPEG is broken at byte %d: %s", w.pos, w.reason)
	}
	return w.pos, nil
}
