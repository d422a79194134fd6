package sink

import (
	"bytes"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// maxWork is how many pixels a decoder may have to go over. A progressive JPEG goes over its picture once a scan,
// usually about ten times, but nothing in the format stops one from having 100,000 scans of a few bytes, which would
// occupy a processor for hours.
const maxWork = 4 * protocol.MaxPixels

// undecodable returns why a JPEG is not given to a decoder, or "" if it may be. It reads markers only.
func undecodable(jpeg []byte) (reason string) {
	if mjpeg.Check(jpeg) != nil {
		return SkipDamaged
	}
	size, err := mjpeg.Size(jpeg)
	if err != nil {
		return SkipDamaged
	}
	scans := bytes.Count(jpeg, []byte{0xFF, 0xDA}) // SOS markers; also counts those in thumbnails
	if pixels := size.X * size.Y; pixels > protocol.MaxPixels || pixels*scans > maxWork {
		return SkipHuge
	}
	return ""
}
