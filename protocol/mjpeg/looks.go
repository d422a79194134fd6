package mjpeg

import "bytes"

// LooksLikeJPEG reports whether the bytes begin and end as a JPEG does: SOI and EOI (ITU-T T.81, table B.1).
func LooksLikeJPEG(b []byte) bool {
	n := len(b)
	return n >= 4 && b[0] == 0xff && b[1] == 0xd8 && b[n-2] == 0xff && b[n-1] == 0xd9
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

// FieldOf returns which of a picture's two fields a JPEG is: 1 has the odd lines, 2 the even ones. It returns 0 for a whole
// picture. A segment that begins with "AVI1" says so (Microsoft, OpenDML AVI File Format Extensions, appendix on Motion
// JPEG).
func FieldOf(jpeg []byte) int {
	for _, segment := range segments(jpeg) {
		if segment[1] == markerAPP0 && len(segment) > 8 && string(segment[4:8]) == "AVI1" && segment[8] <= 2 {
			return int(segment[8])
		}
	}
	return 0
}
