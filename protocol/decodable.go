package protocol

import (
	"bytes"

	"udpcam/protocol/mjpeg"
)

// maxWork is how many pixels a decoder may have to go over. A progressive JPEG goes over its picture once a scan,
// usually about ten times, but nothing in the format stops one from having 100,000 scans of a few bytes, which would
// occupy a processor for hours.
const maxWork = 4 * MaxPixels

// TooLarge reports whether a JPEG claims more pixels than any part of udpcam decodes or has somebody else decode, see
// [MaxPixels], or more work for its decoder. It reads markers only. A JPEG whose size cannot be read is not too large: a
// decoder finds none either.
func TooLarge(jpeg []byte) bool {
	size, _ := mjpeg.Size(jpeg)
	pixels := int64(size.X) * int64(size.Y)        // up to 2³², which an int may not hold
	scans := bytes.Count(jpeg, []byte{0xFF, 0xDA}) // SOS markers; also counts those in thumbnails
	return pixels > MaxPixels || pixels*int64(scans) > maxWork
}
