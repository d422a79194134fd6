package web

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
)

// A Demo lets the page change the network that a demonstration's pictures cross. Its functions are for any goroutine.
type Demo struct {
	// Link returns how the network is.
	Link func() DemoLink
	// SetLink changes it. The error says which value cannot be.
	SetLink func(DemoLink) error
}

// A DemoLink is the network of a demonstration.
type DemoLink struct {
	Loss     float64 `json:"loss"`      // share of datagrams that are lost, 0 to 1
	Delay    float64 `json:"delay_ms"`  // of each datagram, one way
	Jitter   float64 `json:"jitter_ms"` // at most that much more, for each datagram apart
	Parity   bool    `json:"parity"`    // whether frames get parity
	Requests bool    `json:"requests"`  // whether what is missing is asked for
}

// maxBody is how many bytes a request's body may have: the only one that is read is a DemoLink.
const maxBody = 4 << 10

func (s *Server) serveDemo(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.config.Demo.Link())
}

// serveDemoChange takes a DemoLink. That it comes from the page, and not from a site that its visitor has open elsewhere,
// is for [http.CrossOriginProtection] to see to, and for the type, which no form can send.
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
		http.Error(w, "there is something behind the object", http.StatusBadRequest)
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
