package mjpeg

import (
	"strconv"
	"time"
)

// Boundary separates the parts of a multipart stream. mjpg-streamer and ustreamer use the same one, and some viewers look
// for it by name.
const Boundary = "boundarydonotcross"

// ContentType is the Content-Type of an HTTP response that carries such a stream.
const ContentType = "multipart/x-mixed-replace; boundary=" + Boundary

// BoundaryLine is written once at the beginning of the stream, before the first part's header.
const BoundaryLine = "--" + Boundary + "\r\n"

// PartEnd is written right behind each picture, in the same write. A browser shows a picture when it sees the boundary
// behind it. Without PartEnd it would show each one only when the next comes.
const PartEnd = "\r\n" + BoundaryLine

// AppendPartHeader appends the header of a part that holds a JPEG of size bytes: Content-Type, Content-Length, and
// X-Timestamp, the time of capture as mjpg-streamer and ustreamer write it (Unix time, seconds with six decimals), then
// a blank line. A zero time, or one before 1970, is left out.
func AppendPartHeader(dst []byte, size int, captured time.Time) []byte {
	dst = append(dst, "Content-Type: image/jpeg\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(size), 10)
	dst = append(dst, "\r\n"...)
	if us := captured.UnixMicro(); us > 0 {
		dst = append(dst, "X-Timestamp: "...)
		dst = strconv.AppendInt(dst, us/1e6, 10)
		dst = append(dst, '.')
		for place := int64(1e5); place > 0; place /= 10 {
			dst = append(dst, '0'+byte(us/place%10))
		}
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}
