package mjpeg

import (
	"bytes"
	"cmp"
	"image"
)

const (
	// MaxPixels is the largest picture that is handed to a decoder, if nothing else is said: 32 megapixels (2²⁵). A camera
	// of 8K has 33,177,600 pixels, just fewer. A JPEG of 37 bytes can claim 65,535 × 65,535 pixels, for which a decoder would
	// allocate 12 GiB.
	MaxPixels = 32 << 20

	// heldShare is how many times fewer pixels a picture may have whose coefficients its decoder must hold until the last
	// scan. They take 6 bytes a pixel or more. 4K is just allowed.
	heldShare = 4

	// maxWork is how many times a decoder may go over a picture of the largest size. A progressive JPEG goes over its picture
	// once a scan, usually about ten times. The format allows 100,000 scans of a few bytes, which would keep a processor busy
	// for hours. Each counts as leastScan pixels at least, because to begin one takes time.
	maxWork, leastScan = 4, 1 << 16

	// pixelsPerByte is the most pixels that a byte can stand for: Huffman coding takes a bit or more for a block of 64. This
	// stops small pictures that make a decoder allocate much.
	pixelsPerByte = 8 * 64
)

// TooLarge reports whether a JPEG claims more than maxPixels, more than its bytes can hold, or too much work for its
// decoder. 0 means [MaxPixels]. It reads only markers. If the size of a JPEG cannot be read, the JPEG is not too large: a
// decoder finds no size either.
func TooLarge(jpeg []byte, maxPixels int) bool {
	most := min(int64(cmp.Or(maxPixels, MaxPixels)), 1<<32)
	s := shapeOf(jpeg)
	scans := int64(bytes.Count(jpeg, []byte{0xFF, markerSOS})) // also counts those in thumbnails
	return s.pixels() > most ||
		s.held && s.pixels() > most/heldShare ||
		s.huffman() && s.pixels() > pixelsPerByte*int64(len(jpeg)) ||
		scans*max(s.pixels(), leastScan) > maxWork*max(most, MaxPixels)
}

// A shape is what a picture's headers tell about the memory that a decoder needs.
type shape struct {
	size       image.Point
	kind       byte // the marker of its frame header, 0 if there is none
	components int
	samples    int64 // of all components, with those that only fill up the last MCU; 0 if that is not known
	rgb        bool  // its components are red, green and blue
	held       bool  // a decoder must hold all coefficients until the last scan
}

func shapeOf(jpeg []byte) (s shape) {
	var planes []byte // three bytes for each component (T.81, B.2.2)
	for code, body := range headers(jpeg) {
		switch {
		case s.kind == 0 && isFrame(code):
			s.kind = code
			if s.size, _ = frameSize(body); s.size != (image.Point{}) {
				planes = body[6:]
				s.components = len(planes) / 3
				s.rgb = s.rgb || s.components == 3 && planes[0] == 'R' && planes[3] == 'G' && planes[6] == 'B'
				s.samples = samples(s.size, planes)
			}
		case code == markerAPP14 && len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")):
			s.rgb = body[11] == 0
		case code == markerSOS:
			s.held = s.kind != markerSOF0 && s.kind != markerSOF1 || int(body[0]) < s.components
		}
	}
	return s
}

// HeldBytes is how many bytes of coefficients a decoder such as libjpeg must hold until a picture's last scan: two for each.
// It is 0 for a picture that is baseline, in one scan. It reads only markers.
func HeldBytes(jpeg []byte) int64 {
	if s := shapeOf(jpeg); s.held {
		return 2 * s.samples
	}
	return 0
}

// samples is how many samples the components of a picture have.
func samples(size image.Point, planes []byte) (n int64) {
	widest, highest := 1, 1
	for p := planes; len(p) >= 3; p = p[3:] {
		widest, highest = max(widest, int(p[1]>>4)), max(highest, int(p[1]&15))
	}
	mcus := int64((size.X+8*widest-1)/(8*widest)) * int64((size.Y+8*highest-1)/(8*highest))
	for p := planes; len(p) >= 3; p = p[3:] {
		n += mcus * 64 * int64(p[1]>>4) * int64(p[1]&15)
	}
	return n
}

func (s shape) pixels() int64 { return int64(s.size.X) * int64(s.size.Y) }

func (s shape) huffman() bool {
	return s.kind == markerSOF0 || s.kind == markerSOF1 || s.kind == markerSOF2
}

// memory is how many bytes image/jpeg allocates for a picture: samples, the coefficients of a progressive picture at four
// bytes each, and pixels of four bytes for colours that are not luma and chroma.
func (s shape) memory() int64 {
	n := s.samples
	if s.kind == markerSOF2 {
		n += 4 * s.samples
	}
	if s.components == 4 || s.rgb {
		n += 4 * s.pixels()
	}
	return n
}
