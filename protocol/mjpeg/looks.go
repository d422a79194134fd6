package mjpeg

import "bytes"

const (
	// MaxPixels is the largest picture that is handed to a decoder: 64 megapixels. A JPEG of 37 bytes can claim 65,535 ×
	// 65,535 pixels, for which a decoder would allocate 12 GiB.
	MaxPixels = 64 << 20

	// maxWork is how many pixels a decoder may have to go over. A progressive JPEG goes over its picture once a scan,
	// usually about ten times. The format allows 100,000 scans of a few bytes, which would keep a processor busy for hours.
	maxWork = 4 * MaxPixels
)

// LooksLikeJPEG reports whether the bytes begin and end as a JPEG does: SOI and EOI (ITU-T T.81, table B.1).
func LooksLikeJPEG(b []byte) bool {
	n := len(b)
	return n >= 4 && b[0] == 0xff && b[1] == 0xd8 && b[n-2] == 0xff && b[n-1] == 0xd9
}

// TooLarge reports whether a JPEG claims more than 64 megapixels, or too much work for its decoder. It reads only markers.
// If the size of a JPEG cannot be read, the JPEG is not too large: a decoder finds no size either.
func TooLarge(jpeg []byte) bool {
	size, _ := Size(jpeg)
	pixels := int64(size.X) * int64(size.Y)        // up to 2³², which an int may not hold
	scans := bytes.Count(jpeg, []byte{0xFF, 0xDA}) // SOS markers; also counts those in thumbnails
	return pixels > MaxPixels || pixels*int64(scans) > maxWork
}

// HasCompanions reports whether a whole JPEG announces further pictures behind it that belong to it. A telephone's photo
// may have a preview, a gain map or a depth map there. They are in the Multi-Picture Format (CIPA DC-007, section 5: an
// APP2 segment that begins with "MPF" and a zero byte).
func HasCompanions(jpeg []byte) bool {
	for _, segment := range segments(jpeg) {
		if segment[1] == markerAPP2 && bytes.HasPrefix(segment[4:], []byte("MPF\x00")) {
			return true
		}
	}
	return false
}
