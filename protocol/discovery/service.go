package discovery

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"udpcam/protocol"
)

// A Service is a stream that can be subscribed to.
type Service struct {
	Name string // of the stream; of several with one name, later ones get another instance name
	Port uint16 // the UDP port where receivers subscribe

	// Addr is the only address where receivers can subscribe, if the port is open there alone. It is not valid for all
	// addresses of this machine.
	Addr netip.Addr

	Sealed bool
	Key    protocol.KeyID // of the key that it is sealed with, if Sealed

	Width, Height int     // of its pictures in pixels; 0 is not known yet
	FPS           float64 // pictures a second; 0 is not known yet. It is told as a whole number from 10 up

	Relay bool // it comes from another machine, which passes it on here
}

// version is that of the wire, as TXT records give it.
const version = "1"

// text returns the strings of the service's TXT record (RFC 6763, 6).
func (s Service) text(machine string) []string {
	t := []string{"name=" + protocol.CleanName(s.Name), "v=" + version}
	if s.Sealed {
		t = append(t, "key="+s.Key.String())
	}
	if s.Width > 0 && s.Height > 0 {
		t = append(t, fmt.Sprintf("size=%dx%d", s.Width, s.Height))
	}
	if s.FPS > 0 {
		fps := s.FPS * 10
		if s.FPS >= 10 {
			fps = math.Round(s.FPS) * 10
		}
		t = append(t, "fps="+strconv.FormatFloat(math.Round(fps)/10, 'f', -1, 64))
	}
	if s.Relay {
		t = append(t, "relay=1")
	}
	if machine != "" {
		t = append(t, "host="+machine)
	}
	return t
}

// read takes the strings of a TXT record in. The first string of a key counts, and keys may have any case (RFC 6763, 6.4).
func (f *Found) read(text []string) {
	seen := map[string]bool{}
	for _, s := range text {
		key, value, _ := strings.Cut(s, "=")
		key = strings.ToLower(key)
		if seen[key] {
			continue
		}
		seen[key] = true
		switch key {
		case "name":
			if name := protocol.CleanName(value); name != "" {
				f.Name = name
			}
		case "v":
			f.Version = protocol.CleanName(value)
		case "key":
			if id, err := strconv.ParseUint(value, 16, 16); err == nil {
				f.Sealed, f.Key = true, protocol.KeyID(id)
			}
		case "size":
			w, h, _ := strings.Cut(value, "x")
			width, err1 := strconv.ParseUint(w, 10, 16)
			height, err2 := strconv.ParseUint(h, 10, 16)
			if err1 == nil && err2 == nil && width > 0 && height > 0 {
				f.Width, f.Height = int(width), int(height)
			}
		case "fps":
			if fps, err := strconv.ParseFloat(value, 64); err == nil && fps > 0 && fps < 10000 {
				f.FPS = fps
			}
		case "relay":
			f.Relay = value == "1"
		case "host":
			if host := protocol.CleanName(value); host != "" {
				f.Host = host
			}
		}
	}
}
