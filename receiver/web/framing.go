package web

import (
	"net/http"
	"strconv"
	"strings"

	"udpcam/protocol/mjpeg"
)

// A framing is how a viewer's pictures are set into what it is sent. Its bytes, and those of parts, are shared and never
// changed.
type framing struct {
	opening []byte               // before the first picture, with the response's header
	header  func(p *part) []byte // before each picture
	end     []byte               // behind each picture, in the same write
}

// partHeaderAhead is what can be said of a picture that does not exist yet.
const partHeaderAhead = "Content-Type: image/jpeg\r\n\r\n"

var (
	// fullFraming gives each part its whole header, and behind it the next boundary.
	fullFraming = &framing{
		opening: []byte(mjpeg.BoundaryLine),
		header:  func(p *part) []byte { return p.header },
		end:     []byte(mjpeg.PartEnd),
	}

	// browserFraming is for Chromium and WebKit, which show a picture not when the next boundary has come but when the
	// next header has, which is a frame interval later unless it is sent ahead. ustreamer has the same under the name
	// of advance_headers. See https://crbug.com/527446.
	browserFraming = &framing{
		opening: []byte(mjpeg.BoundaryLine + partHeaderAhead),
		header:  func(*part) []byte { return nil },
		end:     []byte(mjpeg.PartEnd + partHeaderAhead),
	}

	// messageFraming is for the page, see message.go.
	messageFraming = &framing{header: func(p *part) []byte { return p.message }}
)

// framingFor chooses by ustreamer's parameters extra_headers and advance_headers or, without them, by whether the viewer
// accepts images by name, as browsers do for <img> and in the address bar, but not for fetch.
func framingFor(r *http.Request, v *viewer) *framing {
	query := r.URL.Query()
	if extra, _ := strconv.ParseBool(query.Get("extra_headers")); extra {
		return extraFraming(v)
	}
	ahead, err := strconv.ParseBool(query.Get("advance_headers"))
	if err != nil {
		ahead = strings.Contains(r.Header.Get("Accept"), "image/")
	}
	if ahead {
		return browserFraming
	}
	return fullFraming
}

// pieces returns p as it is written, n pieces one after the other, none of which is empty: over TLS that would be a record.
func (f *framing) pieces(p *part) (pieces [3][]byte, n int) {
	for _, piece := range [...][]byte{f.header(p), p.frame.JPEG, f.end} {
		if len(piece) > 0 {
			pieces[n] = piece
			n++
		}
	}
	return pieces, n
}
