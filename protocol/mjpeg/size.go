package mjpeg

import (
	"errors"
	"fmt"
	"image"
)

// Size returns the width and height of a JPEG in pixels, as its frame header (SOF) gives them, without decoding it.
// A picture without a frame header, or with a width or height of 0 (a height may come later, in a DNL segment), is an
// error.
//
// Between segments it is as lenient as decoders are, and passes over bytes that are no marker, so that what a decoder
// would allocate for a damaged or hostile picture is what Size says.
func Size(jpeg []byte) (image.Point, error) {
	if len(jpeg) < 2 || jpeg[0] != 0xFF || jpeg[1] != markerSOI {
		return image.Point{}, errNoSOI
	}
	rest := jpeg[2:]
	for {
		code, behind, err := nextMarker(rest)
		if err != nil {
			return image.Point{}, err
		}
		if len(behind) < 2 {
			return image.Point{}, errNoSOF
		}
		length := int(behind[0])<<8 | int(behind[1])
		switch {
		case length < 2 || len(behind) < length:
			return image.Point{}, errNoSOF
		case isSOF(code) || code == markerDHP:
			return frameSize(behind[2:length])
		case code == markerSOS:
			return image.Point{}, errNoSOF
		}
		rest = behind[length:]
	}
}

var (
	errNoSOI = errors.New("mjpeg: not a JPEG: it does not begin with an SOI marker (FF D8)")
	errNoSOF = errors.New("mjpeg: the JPEG has no frame header (SOF) that gives its size")
)

// nextMarker returns the code of the next segment's marker in b, and what is behind it.
func nextMarker(b []byte) (code byte, behind []byte, err error) {
	for i := 0; i+1 < len(b); i++ {
		if b[i] != 0xFF {
			continue
		}
		switch code := b[i+1]; {
		case isSegment(code):
			return code, b[i+2:], nil
		case code == markerFill:
		case code == 0 || code == markerTEM || isRST(code):
			i++ // they stand alone
		default:
			return 0, nil, errNoSOF
		}
	}
	return 0, nil, errNoSOF
}

// frameSize reads a frame header's parameters: T.81, B.2.2.
//
//	+-----------+----------------+----------------+------------+- - -
//	| precision |     height     |     width      | components |
//	+-----------+----------------+----------------+------------+- - -
func frameSize(p []byte) (image.Point, error) {
	if len(p) < 6 {
		return image.Point{}, errNoSOF
	}
	size := image.Pt(int(p[3])<<8|int(p[4]), int(p[1])<<8|int(p[2]))
	if size.X == 0 || size.Y == 0 {
		return image.Point{}, fmt.Errorf("mjpeg: the JPEG claims a size of %d×%d pixels", size.X, size.Y)
	}
	return size, nil
}
