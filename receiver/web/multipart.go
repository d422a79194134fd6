package web

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"udpcam/protocol/mjpeg"
)

// serveStream sends the pictures of f to a viewer as multipart, until the viewer leaves or f ends.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request, f *feed) {
	w.Header().Set("Content-Type", mjpeg.ContentType)
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("X-Accel-Buffering", "no") // else nginx keeps the end of each picture until the next one
	rate, err := rateOf(r)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case r.Method == http.MethodHead:
		return
	}
	s.serveViewer(w, r, f, func(v *viewer) (connection, error) {
		v.multipart, v.pace.rate = true, rate
		return newConnection(w, r, framingFor(r, v), s.config.StallTimeout)
	})
}

// A framing is what a viewer gets around its pictures. Viewers share its bytes.
type framing struct {
	opening []byte               // before the first picture, with the response's header
	header  func(p *part) []byte // before each picture
	end     []byte               // behind each picture, in the same write
}

// headerAhead is the header of a picture that does not exist yet.
const headerAhead = "Content-Type: image/jpeg\r\n\r\n"

var (
	// fullFraming gives each picture its whole header, and behind it the next boundary.
	fullFraming = &framing{
		opening: []byte(mjpeg.BoundaryLine),
		header:  func(p *part) []byte { return p.header },
		end:     []byte(mjpeg.PartEnd),
	}

	// browserFraming is for Chromium and WebKit. They show a picture only when the next header has come, which would be
	// a frame later. So the next header is sent ahead, as by ustreamer's advance_headers. See https://crbug.com/527446.
	browserFraming = &framing{
		opening: []byte(mjpeg.BoundaryLine + headerAhead),
		header:  func(*part) []byte { return nil },
		end:     []byte(mjpeg.PartEnd + headerAhead),
	}

	// messageFraming is for the page, see page_message.go.
	messageFraming = &framing{header: func(p *part) []byte { return p.message }}
)

// rateOf returns how many pictures a second a viewer asks for at most with ?fps=, 0 if it wants all.
func rateOf(r *http.Request) (float64, error) {
	text := r.URL.Query().Get("fps")
	if text == "" {
		return 0, nil
	}
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || !(rate >= minRate && rate <= maxRate) {
		return 0, fmt.Errorf("?fps=%.20s: give the most pictures a second, from %v to %v", text, minRate, maxRate)
	}
	return rate, nil
}

// framingFor chooses by ustreamer's parameters extra_headers and advance_headers. Without them, headers go ahead to the
// browsers that need it, which all call themselves AppleWebKit: if they ask for an image or a page, and not for fetch, whose
// scripts want the lengths. Other programs, such as Java's, accept images too, and want the lengths as well.
func framingFor(r *http.Request, v *viewer) *framing {
	query := r.URL.Query()
	if extra, _ := strconv.ParseBool(query.Get("extra_headers")); extra {
		return ustreamerFraming(v)
	}
	ahead, err := strconv.ParseBool(query.Get("advance_headers"))
	if err != nil {
		accept := r.Header.Get("Accept")
		ahead = strings.Contains(r.UserAgent(), "AppleWebKit/") &&
			(strings.Contains(accept, "image/") || strings.Contains(accept, "text/html"))
	}
	if ahead {
		return browserFraming
	}
	return fullFraming
}

// append appends the pieces that are written for p. None is empty: TLS would send a record for it.
func (f *framing) append(to net.Buffers, p *part) net.Buffers {
	for _, piece := range [...][]byte{f.header(p), p.frame.JPEG, f.end} {
		if len(piece) > 0 {
			to = append(to, piece)
		}
	}
	return to
}

// ustreamerFraming adds to each header what ustreamer adds for extra_headers=1:
// https://github.com/pikvm/ustreamer, src/ustreamer/http/server.c. Grab is the capture. The time from there until the
// picture came here stands for the encoding. Times are seconds since the Unix epoch by this machine's clock.
func ustreamerFraming(v *viewer) *framing {
	f := *fullFraming
	var b []byte
	f.header = func(p *part) []byte {
		b = appendUstreamerHeader(b[:0], p, v, time.Now())
		return b
	}
	return &f
}

// appendUstreamerHeader appends the header of a picture that is sent now.
func appendUstreamerHeader(b []byte, p *part, v *viewer, now time.Time) []byte {
	size, _ := mjpeg.Size(p.frame.JPEG) // 0 if it is not known
	captured, came := unixSeconds(p.captured), unixSeconds(p.came)
	b = append(b, strings.TrimSuffix(string(p.header), "\r\n")...) // without the blank line
	for _, line := range [...][2]string{
		{"Online", "true"},
		{"Width", strconv.Itoa(size.X)},
		{"Height", strconv.Itoa(size.Y)},
		{"Client-FPS", strconv.FormatInt(v.rate.Load(), 10)},
		{"Grab-Begin-Time", captured},
		{"Grab-End-Time", captured},
		{"Encode-Begin-Time", captured},
		{"Encode-End-Time", came},
		{"Expose-Begin-Time", came},
		{"Expose-End-Time", came},
		{"Send-Time", unixSeconds(now)},
		{"Send-Latency", fmt.Sprintf("%.6f", now.Sub(p.captured).Seconds())},
	} {
		b = fmt.Appendf(b, "X-UStreamer-%s: %s\r\n", line[0], line[1])
	}
	return append(b, "\r\n"...)
}

// unixSeconds returns a time in seconds since the Unix epoch, to the microsecond.
func unixSeconds(t time.Time) string {
	us := t.UnixMicro()
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}
