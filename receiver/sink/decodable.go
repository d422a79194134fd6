package sink

import "udpcam/protocol/mjpeg"

// undecodable returns why a JPEG is not given to a decoder, or "" if it may be. It reads markers only.
func undecodable(jpeg []byte) (reason string) {
	if mjpeg.Check(jpeg) != nil {
		return SkipDamaged
	}
	if _, err := mjpeg.Size(jpeg); err != nil {
		return SkipDamaged
	}
	if mjpeg.TooLarge(jpeg) {
		return SkipHuge
	}
	return ""
}
