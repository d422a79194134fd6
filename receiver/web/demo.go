package web

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
)

// A Demo lets the page change the network of a demonstration. Its functions may be called from any goroutine.
type Demo struct {
	Link    func() DemoLink      // returns the network's present state
	SetLink func(DemoLink) error // changes the network; the error says which value is not possible
}

// A DemoLink is the state of a demonstration's network.
type DemoLink struct {
	Loss     float64 `json:"loss"`      // share of datagrams that are lost, 0 to 1
	Delay    float64 `json:"delay_ms"`  // of each datagram, one way
	Jitter   float64 `json:"jitter_ms"` // up to this much more delay, for each datagram anew
	Parity   bool    `json:"parity"`    // whether frames get parity
	Requests bool    `json:"requests"`  // whether receivers request missing segments
}

// maxBody is how many bytes a request's body may have. Only the body of a DemoLink is ever read.
const maxBody = 4 << 10

func (s *Server) serveDemo(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.config.Demo.Link())
}

// serveDemoChange takes a DemoLink from the page. [http.CrossOriginProtection], and a content type that no form can send,
// keep other sites from changing the network.
func (s *Server) serveDemoChange(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		http.Error(w, "the body has to be application/json", http.StatusUnsupportedMediaType)
		return
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	link := s.config.Demo.Link()
	err := decoder.Decode(&link)
	if err == nil && decoder.Decode(new(any)) != io.EOF {
		http.Error(w, "there is more than one JSON object", http.StatusBadRequest)
		return
	}
	if err == nil {
		err = s.config.Demo.SetLink(link)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.serveDemo(w, r)
}
