package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"udpcam/protocol/mjpeg"
)

// extraFraming adds to each part's header what ustreamer adds for extra_headers=1, with the same names and units:
// https://github.com/pikvm/ustreamer, src/ustreamer/http/server.c. A picture is grabbed when it was captured; from then
// until it came here it was on its way, which takes the place of encoding. Times are seconds since the Unix epoch by this
// machine's clock.
func extraFraming(v *viewer) *framing {
	f := *fullFraming
	var b []byte
	f.header = func(p *part) []byte {
		b = appendExtraHeader(b[:0], p, v, time.Now())
		return b
	}
	return &f
}

// appendExtraHeader appends the header of a part that is sent now.
func appendExtraHeader(b []byte, p *part, v *viewer, now time.Time) []byte {
	b = append(b, strings.TrimSuffix(string(p.header), "\r\n")...) // without the blank line
	add := func(name, value string) { b = fmt.Appendf(b, "X-UStreamer-%s: %s\r\n", name, value) }
	seconds := func(t time.Time) string {
		us := t.UnixMicro()
		return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
	}
	size, _ := mjpeg.Size(p.frame.JPEG) // 0 if it is not known
	add("Online", "true")
	add("Width", strconv.Itoa(size.X))
	add("Height", strconv.Itoa(size.Y))
	add("Client-FPS", strconv.FormatInt(v.rate.last.Load(), 10))
	add("Grab-Begin-Time", seconds(p.captured))
	add("Grab-End-Time", seconds(p.captured))
	add("Encode-Begin-Time", seconds(p.captured))
	add("Encode-End-Time", seconds(p.came))
	add("Expose-Begin-Time", seconds(p.came))
	add("Expose-End-Time", seconds(p.came))
	add("Send-Time", seconds(now))
	add("Send-Latency", fmt.Sprintf("%.6f", now.Sub(p.captured).Seconds()))
	return append(b, "\r\n"...)
}
