package mjpeg

import (
	"encoding/binary"
	"iter"
)

// Marker codes, the byte behind FF: ITU-T T.81, table B.1.
const (
	markerTEM   = 0x01 // private use in arithmetic coding; stands alone
	markerSOF0  = 0xC0 // start of frame, baseline; the other frames' codes follow it up to SOF15
	markerSOF1  = 0xC1 // start of frame, extended sequential
	markerSOF2  = 0xC2 // start of frame, progressive
	markerDHT   = 0xC4 // Huffman tables
	markerJPG   = 0xC8 // reserved for extensions
	markerDAC   = 0xCC // arithmetic coding conditioning
	markerSOF15 = 0xCF
	markerRST0  = 0xD0 // restart
	markerRST7  = 0xD7
	markerSOI   = 0xD8 // start of image
	markerEOI   = 0xD9 // end of image
	markerSOS   = 0xDA // start of scan
	markerDQT   = 0xDB // quantization tables
	markerDRI   = 0xDD // how many MCUs there are from one restart marker to the next
	markerDHP   = 0xDE // hierarchical progression: the picture has several frames
	markerAPP0  = 0xE0 // for applications: JFIF, EXIF
	markerAPP2  = 0xE2
	markerAPP14 = 0xEE // Adobe: what the components are
	markerAPP15 = 0xEF
	markerCOM   = 0xFE // comment
	markerFill  = 0xFF // no marker: a fill byte before one (B.1.1.2)
)

var soi = []byte{0xFF, markerSOI}

// isSOF reports whether a frame header follows the marker.
func isSOF(code byte) bool {
	return markerSOF0 <= code && code <= markerSOF15 && code != markerDHT && code != markerJPG && code != markerDAC
}

// isRST reports whether the marker is one of the restart markers, which stand in entropy-coded data.
func isRST(code byte) bool { return markerRST0 <= code && code <= markerRST7 }

// isSegment reports whether the marker begins a segment, which gives its length in the two bytes behind the marker.
func isSegment(code byte) bool {
	return markerSOF0 <= code && code < markerRST0 && code != markerJPG ||
		markerSOS <= code && code <= markerAPP15 || code == markerCOM
}

// mayHoldPicture reports whether the segment may contain any bytes: APPn, in which EXIF has its thumbnail, and comments.
func mayHoldPicture(code byte) bool {
	return markerAPP0 <= code && code <= markerAPP15 || code == markerCOM
}

// segments yields each segment of a whole picture up to the first scan's header, with its marker, and where it begins. A
// segment's marker code is its byte 1, and its contents begin at byte 4.
func segments(picture []byte) iter.Seq2[int, []byte] { return segmentsFrom(picture, len(soi)) }

// segmentsFrom yields the segments that begin at a place in a picture, up to the next scan's header.
func segmentsFrom(picture []byte, at int) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for at+4 <= len(picture) && picture[at] == 0xFF {
			if picture[at+1] == markerFill {
				at++
				continue
			}
			end := at + 2 + int(binary.BigEndian.Uint16(picture[at+2:]))
			if end < at+4 || end > len(picture) || !yield(at, picture[at:end]) || picture[at+1] == markerSOS {
				return
			}
			at = end
		}
	}
}
