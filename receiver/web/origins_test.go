package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// Whatever path is asked for, a redirect leads to the same server, and stays under the prefix that it is mounted at.
func TestRedirectsStayWithin(t *testing.T) {
	h := New(quiet(Config{Token: "secret"}))
	names := []string{"https:evil.example", "javascript:alert(1)", "//evil.example", `\\evil.example`, `/\evil.example`,
		"?x=//evil", "#//evil", "@evil.example", "..", "a:b", "\r\nLocation: http://evil.example"}
	for _, name := range names {
		f := frame(0, picture(t, 5))
		f.Stream = name
		h.Put(f)
	}
	mux := http.NewServeMux()
	mux.Handle("/cam/", http.StripPrefix("/cam", h))
	var paths []string
	for _, name := range names {
		paths = append(paths, "/streams/"+name, "/streams/"+url.PathEscape(name), "/streams/"+pathSegment(name), "/"+name,
			"/"+url.PathEscape(name), "/static/"+name, "/streams/"+url.PathEscape(name)+"/..")
	}
	paths = append(paths, "//evil.example/%2e%2e", "/%2f%2fevil.example", "/%5cevil.example", "/static/index.html",
		"/static/%2e", "/streams", "/streams/", "/streams//", "/streams/.//evil.example", "/stream/", "/https:evil.example",
		"https:evil.example")
	redirects := 0
	for _, path := range paths {
		for _, query := range []string{"", "?", "?token=secret", "?token=secret&next=//evil.example"} {
			for prefix, handler := range map[string]http.Handler{"": h, "/cam": mux} {
				r := httptest.NewRequest("GET", "/", nil)
				r.Host = "localhost"
				r.Header.Set("Accept", "text/html")
				r.Header.Set("Authorization", "Bearer secret")
				u, err := url.ParseRequestURI(prefix + path + query)
				if err != nil || prefix != "" && strings.HasSuffix(path, "/..") {
					continue // net/http answers 400, or redirects within the other mux
				}
				r.URL = u
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				location, err := w.Result().Location() // resolved as browsers do, but for the next line
				if err == http.ErrNoLocation {
					continue
				}
				redirects++
				if raw := w.Header().Get("Location"); strings.ContainsAny(raw, "\\\r\n\t") {
					t.Errorf("%s leads to %q", u, raw)
				}
				base := &url.URL{Scheme: "http", Host: "localhost", Path: u.Path, RawPath: u.RawPath}
				if err != nil {
					t.Errorf("%s leads to %q: %v", u, w.Header().Get("Location"), err)
				} else if to := base.ResolveReference(location); to.Host != "localhost" || to.Scheme != "http" ||
					!strings.HasPrefix(to.EscapedPath(), prefix+"/") || strings.HasPrefix(to.EscapedPath(), "//") {
					t.Errorf("%s leads to %s", u, to)
				}
			}
		}
	}
	if redirects < 2*len(names) {
		t.Errorf("only %d redirects", redirects)
	}
}

// Every answer, also an error, tells browsers to keep other sites away. An allowed site gets in, and no other.
func TestProtection(t *testing.T) {
	const friend, evil = "https://friend.example", "http://evil.example"
	for _, allowed := range []bool{false, true} {
		c := Config{Demo: &Demo{Link: func() DemoLink { return DemoLink{} }}}
		if allowed {
			c.AllowOrigins = []string{"https://Friend.example:443/", "no origin; script-src *"}
		}
		h := New(quiet(c))
		addr := serve(t, h)
		h.Put(frame(0, picture(t, 5)))
		for _, path := range []string{"/", "/streams/~/", "/streams/~", "/stream", "/snapshot.jpg",
			"/static/worker.js", "/static/page.js", "/static/icon.svg", "/healthz", "/metrics", "/api/v1/streams", "/api/v1/demo",
			"/state", "/nothing", "//x", "/socket", "/poll"} {
			for _, origin := range []string{"", friend, evil, "null"} {
				request, _ := http.NewRequest("GET", "http://"+addr+path, nil)
				if origin != "" {
					request.Header.Set("Origin", origin)
				}
				r, err := http.DefaultTransport.RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				r.Body.Close()
				own, access, ancestors := "same-origin", "", "frame-ancestors 'self'"
				if allowed {
					own, ancestors = "cross-origin", ancestors+" "+friend
					if origin == friend {
						access = friend
					}
				}
				policy := r.Header.Get("Content-Security-Policy")
				if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Cross-Origin-Resource-Policy") != own ||
					!strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "connect-src 'self'") ||
					!strings.HasSuffix(policy, ancestors) || r.Header.Get("Access-Control-Allow-Origin") != access {
					t.Errorf("%s from %q, allowed: %t: %v", path, origin, allowed, r.Header)
				}
			}
		}
		let := map[bool]int{true: 101, false: 403}[allowed]
		for origin, want := range map[string]int{friend: let, evil: 403, "https://xfriend.example": 403} {
			options := &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}}
			conn, r, err := websocket.Dial(t.Context(), "ws://"+addr+"/socket", options)
			if err == nil {
				conn.CloseNow()
			}
			if r.StatusCode != want {
				t.Errorf("a WebSocket from %s, allowed: %t: %s", origin, allowed, r.Status)
			}
		}
	}
}

func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://example.org": "https://example.org", "HTTP://Example.org:80/": "http://example.org", "*": "*",
		"http://[fd00::1]:8123": "http://[fd00::1]:8123", "https://example.org:80": "https://example.org:80",
		"": "", "example.org": "", "https://": "", "ftp://example.org": "", "https://example.org/path": "", "https://a b": "",
		"https://me@example.org": "", "https://example.org?x": "", "https://example.org; script-src *": "", "https://*.org": "",
		"null": "", "https://example.org;x": "", "https://example.org:8,1": "",
	} {
		got, err := ParseOrigin(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
