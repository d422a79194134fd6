package web

import (
	"net/http"
	"strconv"
	"strings"

	"udpcam/protocol/mjpeg"
)

// A framing is how a viewer's pictures are set into its multipart stream. All of its bytes are shared, and never
// changed.
type framing struct {
	opening []byte // before the first picture, with the response's header
	end     []byte // behind each picture, in the same write
	ahead   bool   // end holds the header of the next part, which then has no length
}

// partHeaderAhead is what can be said of a picture that does not exist yet.
const partHeaderAhead = "Content-Type: image/jpeg\r\n\r\n"

var (
	// fullFraming gives each part its whole header, and behind it the next boundary.
	fullFraming = &framing{opening: []byte(mjpeg.BoundaryLine), end: []byte(mjpeg.PartEnd)}

	// browserFraming is for Chromium and WebKit, which show a picture not when the next boundary has come but when the
	// next header has, which is a frame interval later unless it is sent ahead. ustreamer has the same under the name
	// of advance_headers. See https://crbug.com/527446.
	browserFraming = &framing{
		opening: []byte(mjpeg.BoundaryLine + partHeaderAhead),
		end:     []byte(mjpeg.PartEnd + partHeaderAhead),
		ahead:   true,
	}
)

// framingFor chooses by ustreamer's parameter advance_headers or, without it, by whether the viewer accepts images by
// name, as browsers do for <img> and in the address bar, but not for fetch.
func framingFor(r *http.Request) *framing {
	ahead, err := strconv.ParseBool(r.URL.Query().Get("advance_headers"))
	if err != nil {
		ahead = strings.Contains(r.Header.Get("Accept"), "image/")
	}
	if ahead {
		return browserFraming
	}
	return fullFraming
}

// pieces returns p as it is written, one after the other.
func (f *framing) pieces(p *part) [3][]byte {
	if f.ahead {
		return [...][]byte{nil, p.frame.JPEG, f.end}
	}
	return [...][]byte{p.header, p.frame.JPEG, f.end}
}
