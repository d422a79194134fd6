package mjpeg

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
)

// ErrTooLarge means that a picture is not decoded, because that would take too much memory or time: see [TooLarge].
var ErrTooLarge = errors.New("mjpeg: the picture is too large to decode")

// maxMemory is how many bytes a picture may take that is decoded as a whole. A baseline picture of 4K with half the chroma
// takes that much. The garbage collector may let three of them pile up.
const maxMemory = 16 << 20

// A Decoder decodes pictures for a screen, in bounded memory. Its zero value is ready. It is for one goroutine.
//
//	enough at an eighth of the size, or too large as a whole ──> eighth ──> a pixel for each block of 8 × 8
//	else ─────────────────────────────────────────────────────> image/jpeg
type Decoder struct {
	// MaxPixels is the largest picture that is decoded; 0 means [MaxPixels].
	MaxPixels int

	eighth eighth
}

// Decode decodes a picture that will be drawn on that many pixels. The result may be smaller than the picture: an eighth as
// wide and high, if that is no fewer than what is drawn, or if the picture takes more than 16 MiB. The result is valid until
// the next call. The error is ErrTooLarge, or says what is broken.
func (d *Decoder) Decode(picture []byte, drawn image.Point) (image.Image, error) {
	if TooLarge(picture, d.MaxPixels) {
		return nil, ErrTooLarge
	}
	if _, err := Size(picture); err != nil { // image/jpeg makes no pixels of a picture that is 0 wide
		return nil, err
	}
	s := shapeOf(picture)
	small := image.Pt((s.size.X+7)/8, (s.size.Y+7)/8)
	fits := s.memory() <= maxMemory
	if !fits || drawn.X <= small.X && drawn.Y <= small.Y {
		img, err := d.eighth.decode(picture, s)
		switch {
		case err == nil:
			return img, nil
		case !fits && errors.Is(err, errKind):
			return nil, fmt.Errorf("%w: %w", ErrTooLarge, err)
		case !fits:
			return nil, fmt.Errorf("mjpeg: the picture cannot be decoded: %w", err)
		}
	}
	return jpeg.Decode(bytes.NewReader(picture))
}
