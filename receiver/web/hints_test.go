package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hinted asks a server for its hints.
func hinted(t *testing.T, h *Server, change func(*http.Request)) (answer hintsInfo, header http.Header, status int) {
	t.Helper()
	r := httptest.NewRequest("GET", "http://localhost/api/v1/hints", nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
	}
	return answer, w.Header(), w.Code
}

func hints() Hints {
	return Hints{
		Send: []string{"udpcam send --addr 192.168.1.20", "udpcam send --addr 10.0.0.5"}, Notes: []string{"A note."},
		Asked: []string{"192.168.1.7: no answer yet"},
		Found: []Found{{Name: "door", About: "192.168.1.9, sealed", Watch: "udpcam recv --from 192.168.1.9 --http :8080"}},
		Pages: []string{"http://192.168.1.20:8080/", "http://10.0.0.5:8080/", "http://[2001:db8::20]:8080/"},
	}
}

// Hints tell about this machine's network. Only those who may see the page get them.
func TestHintsArePrivate(t *testing.T) {
	config := quiet(Config{Hints: hints, AllowOrigins: []string{"*"}})
	open := New(config)
	config.User, config.Password, config.Token = "me", "secret", "abc"
	closed := New(config)
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for name, test := range map[string]struct {
		server *Server
		change func(*http.Request)
		want   int
	}{
		"anybody":          {open, nil, 200},
		"a hostile name":   {open, host("evil.example"), 403},
		"an own address":   {open, host("192.168.1.20:8080"), 200},
		"IPv6":             {open, host("[2001:db8::20]:8080"), 200},
		"no password":      {closed, nil, 401},
		"a wrong password": {closed, func(r *http.Request) { r.SetBasicAuth("me", "x") }, 401},
		"the password":     {closed, func(r *http.Request) { r.SetBasicAuth("me", "secret") }, 200},
		"the token":        {closed, func(r *http.Request) { r.Header.Set("Authorization", "Bearer abc") }, 200},
		"without hints":    {New(quiet(Config{})), nil, 404},
	} {
		if _, _, status := hinted(t, test.server, test.change); status != test.want {
			t.Errorf("%s: %d, want %d", name, status, test.want)
		}
	}
	// A site that may show the pictures learns nothing about the network.
	_, header, _ := hinted(t, open, func(r *http.Request) { r.Header.Set("Origin", "https://example.org") })
	if header.Get("Access-Control-Allow-Origin") != "" || header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("other sites can read them: %v", header)
	}
	if header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(header.Get("Content-Security-Policy"), pagePolicy) {
		t.Errorf("%v", header)
	}
}

// However many ask, the command is asked once a second.
func TestHintsOncePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		h := New(quiet(Config{Hints: func() Hints {
			asked++
			return Hints{Send: []string{fmt.Sprint("camera ", asked)}}
		}}))
		for range 30 {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { hinted(t, h, nil) })
			}
			all.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		if asked != 3 {
			t.Errorf("asked %d times in 3 s", asked)
		}
		if answer, _, _ := hinted(t, h, nil); answer.Send[0] != "camera 4" {
			t.Errorf("%v is old", answer.Send)
		}
	})
}

// The QR code leads to the address by which the viewer has come, if others can open that. It holds no password and no token.
func TestHintsPage(t *testing.T) {
	for _, test := range []struct {
		host, want string
		config     Config
		secret     string
	}{
		{"localhost:8080", "http://192.168.1.20:8080/", Config{}, ""},
		{"192.168.1.20:8080", "http://192.168.1.20:8080/", Config{}, ""},
		{"10.0.0.5:8080", "http://10.0.0.5:8080/", Config{Token: "abc"}, "token"},
		{"[2001:DB8::20]:8080", "http://[2001:db8::20]:8080/", Config{User: "me", Password: "secret", Token: "abc"}, "password"},
		{"172.17.0.1:8080", "http://192.168.1.20:8080/", Config{}, ""},
	} {
		test.config.Hints = hints
		answer, _, _ := hinted(t, New(quiet(test.config)), func(r *http.Request) {
			r.Host = test.host
			if test.secret != "" {
				r.Header.Set("Authorization", "Bearer abc")
			}
		})
		if p := answer.Page; p == nil || p.Address != test.want || p.Secret != test.secret || p.Size < 29 || len(p.Path) < 500 {
			t.Errorf("%s: %+v", test.host, p)
		}
	}
	answer, _, _ := hinted(t, New(quiet(Config{Hints: func() Hints { return Hints{} }})), nil)
	if answer.Page != nil {
		t.Errorf("a page for this machine alone has the QR code of %s", answer.Page.Address)
	}
}

// A network that invents streams does not fill the page.
func TestHintsManyFound(t *testing.T) {
	h := New(quiet(Config{Hints: func() Hints { return Hints{Found: make([]Found, 1000)} }}))
	answer, _, _ := hinted(t, h, nil)
	if len(answer.Found) != maxFound || answer.More != 1000-maxFound {
		t.Errorf("%d found, %d more", len(answer.Found), answer.More)
	}
}
