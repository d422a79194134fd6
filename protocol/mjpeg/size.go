package mjpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"iter"
)

// Size returns the width and height of a JPEG in pixels, as its frame header (SOF) gives them, without decoding it.
// A picture without a frame header, or with a width or height of 0 (a height may come later, in a DNL segment), is an
// error.
//
// Between segments it is as lenient as decoders: it skips bytes that are no marker. So Size is the size that a decoder
// would allocate, also for a damaged or hostile picture.
func Size(jpeg []byte) (image.Point, error) {
	if !bytes.HasPrefix(jpeg, soi) {
		return image.Point{}, errNoSOI
	}
	for code, body := range headers(jpeg) {
		if isFrame(code) {
			return frameSize(body)
		}
	}
	return image.Point{}, errNoSOF
}

// isFrame reports whether a segment gives the picture's size.
func isFrame(code byte) bool { return isSOF(code) || code == markerDHP }

// headers yields the marker and the contents of each segment, up to the header of the first scan.
func headers(jpeg []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for at := len(soi); at+1 < len(jpeg); {
			code := jpeg[at+1]
			switch {
			case jpeg[at] != 0xFF, code == markerFill:
				at++
				continue
			case code == 0, code == markerTEM, isRST(code): // they stand alone
				at += 2
				continue
			case !isSegment(code), at+4 > len(jpeg):
				return
			}
			end := at + 2 + int(binary.BigEndian.Uint16(jpeg[at+2:]))
			if end < at+4 || end > len(jpeg) || !yield(code, jpeg[at+4:end]) || code == markerSOS {
				return
			}
			at = end
		}
	}
}

var (
	errNoSOI = errors.New("mjpeg: not a JPEG: it does not begin with an SOI marker (FF D8)")
	errNoSOF = errors.New("mjpeg: the JPEG has no frame header (SOF) that gives its size")
)

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
