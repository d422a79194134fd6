package mjpeg

import (
	"bytes"
	"fmt"
	"math"
)

// Check returns nil if jpeg is exactly one whole JPEG, from SOI to EOI, with nothing before or behind it, and an error
// that says what it is instead otherwise. It walks the markers and decodes nothing.
func Check(jpeg []byte) error {
	if !bytes.HasPrefix(jpeg, soi) {
		return errNoSOI
	}
	w := newWalker(false)
	switch w.walk(jpeg, math.MaxInt) {
	case unfinished:
		return fmt.Errorf("mjpeg: the JPEG is cut off after %d bytes", len(jpeg))
	case broken:
		return fmt.Errorf("mjpeg: the JPEG is broken at byte %d: %s", w.pos, w.reason)
	}
	if n := len(jpeg) - w.pos; n > 0 {
		return fmt.Errorf("mjpeg: %d bytes stand behind the JPEG's end", n)
	}
	return nil
}
