package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"rsc.io/qr"
)

// Hints are what the page tells while there is no stream: why that is, and what to do. It shows all texts as they are.
// Commands are copied into shells: whoever makes them quotes what comes from the network.
type Hints struct {
	// Send are commands to type at the camera. One of them will do; the best comes first.
	Send []string
	// Notes are sentences about these commands.
	Notes []string
	// Asked says whom the receiver asks for a stream, and how that stands: a line each.
	Asked []string
	// Found are streams that could be watched.
	Found []Found
	// Pages are the addresses at which other machines can open the page, the best first. The page shows one as a QR code.
	Pages []string
}

// A Found is a stream on the network that could be watched.
type Found struct {
	Name  string
	About string // its address, size and so on, for people
	Watch string // a command that watches it
}

// maxFound is how many found streams the page lists. This stops a network that invents streams from filling it.
const maxFound = 32

// hintsInfo is the answer of /api/v1/hints.
type hintsInfo struct {
	Send  []string    `json:"send"`
	Notes []string    `json:"notes"`
	Asked []string    `json:"asked"`
	Found []foundInfo `json:"found"`
	More  int         `json:"more"` // how many others were found
	Page  *pageInfo   `json:"page"` // null if other machines cannot open the page
}

type foundInfo struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Watch string `json:"watch"`
}

// pageInfo is how a phone gets to the page.
type pageInfo struct {
	Address string `json:"address"`
	Secret  string `json:"secret"` // what it will have to give: "password", "token" or ""
	Size    int    `json:"size"`   // of the QR code with its margin, in modules
	Path    string `json:"path"`   // the dark modules, as the path of an SVG
}

// hintCache has the last hints, which are good for a second.
type hintCache struct {
	mu    sync.Mutex
	at    time.Time
	hints Hints
}

func (c *hintCache) get(ask func() Hints) Hints {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); c.at.IsZero() || now.Sub(c.at) >= time.Second {
		c.at, c.hints = now, ask()
	}
	return c.hints
}

// serveHints answers with the hints. They are for the page alone: other sites cannot read them, also if
// [Config.AllowOrigins] lets them read about the streams.
func (s *Server) serveHints(w http.ResponseWriter, r *http.Request) {
	w.Header().Del("Access-Control-Allow-Origin")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	h := s.hints.get(s.config.Hints)
	answer := hintsInfo{Send: h.Send, Notes: h.Notes, Asked: h.Asked, More: max(0, len(h.Found)-maxFound)}
	for _, f := range h.Found[:min(len(h.Found), maxFound)] {
		answer.Found = append(answer.Found, foundInfo(f))
	}
	answer.Page = s.pageInfo(h.Pages, r.Host)
	writeJSON(w, http.StatusOK, answer)
}

// pageInfo tells how a phone gets to one of the pages: that at the host by which this viewer has come, or else the best.
func (s *Server) pageInfo(pages []string, host string) *pageInfo {
	if len(pages) == 0 {
		return nil
	}
	info := &pageInfo{Address: pages[0]}
	for _, page := range pages {
		if u, err := url.Parse(page); err == nil && strings.EqualFold(u.Host, host) {
			info.Address = page
		}
	}
	switch {
	case s.config.Password != "":
		info.Secret = "password"
	case s.config.Token != "":
		info.Secret = "token"
	}
	code, err := qr.Encode(info.Address, qr.M)
	if err != nil { // it is too long
		return nil
	}
	info.Size, info.Path = code.Size+2*qrMargin, qrPath(code)
	return info
}

// qrMargin is how many light modules surround a QR code (ISO/IEC 18004, 6.3.8).
const qrMargin = 4

// qrPath returns the dark modules of a QR code as the path of an SVG, whose unit is a module.
func qrPath(code *qr.Code) string {
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for code.Black(x, y) {
				x++
			}
			if n := x - from; n > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+qrMargin, y+qrMargin, n, n)
			}
		}
	}
	return path.String()
}
