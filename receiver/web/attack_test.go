package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// While others attack the server, eight viewers go on at full rate. A picture is put when all eight have the last one. So
// the test fails if a picture is lost or late for any of them.
func TestAttacks(t *testing.T) {
	const viewers = 8
	change := &Demo{Link: func() DemoLink { return DemoLink{} }, SetLink: func(DemoLink) error {
		t.Error("the link was changed")
		return nil
	}}
	h := New(quiet(Config{Demo: change, MaxViewers: viewers + 2}))
	addr := serve(t, h)
	var got [viewers]atomic.Int64 // frames, of each viewer
	errs := make(chan error, viewers)
	jpeg := picture(t, 5)
	for i := range viewers {
		c := watch(t, addr, "/stream")
		go func() {
			for n := 0; ; n++ {
				if err := expectFrame(c, n, jpeg); err != nil {
					errs <- err
					return
				}
				got[i].Store(int64(n + 1))
			}
		}()
	}
	eventually(t, "all watch", func() bool { return h.Stats().Viewers == viewers })
	frames := int64(0)
	show := func(n int64) { // that n more frames reach everybody
		t.Helper()
		for range n {
			h.Put(frame(int(frames), jpeg))
			frames++
			eventually(t, "everybody has it", func() bool {
				select {
				case err := <-errs:
					t.Fatal(err)
				default:
				}
				for i := range got {
					if got[i].Load() < frames {
						return false
					}
				}
				return true
			})
		}
	}
	show(3)

	say := func(text string) net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(hang))
		io.WriteString(conn, text)
		return conn
	}
	answered := func(text string) int {
		r, err := http.ReadResponse(bufio.NewReader(say(text)), nil)
		if err != nil {
			t.Fatalf("%.60q: %v", text, err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	post := func(header, body string) string {
		return fmt.Sprintf("POST /api/v1/demo HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n%s", addr, len(body), header, body)
	}
	const js = "Content-Type: application/json\r\n"
	for _, attack := range []struct {
		text   string
		status int
	}{
		// A foreign site whose name resolves to this machine.
		{"GET /stream HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403},
		{"GET /api/v1/streams HTTP/1.1\r\nHost: evil.example:8080\r\n\r\n", 403},
		{"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 403},
		// A form, or a script, on another site.
		{post(js+"Origin: http://evil.example\r\n", `{"loss":1}`), 403},
		{post(js+"Sec-Fetch-Site: cross-site\r\n", `{"loss":1}`), 403},
		{post("Content-Type: text/plain\r\n", `{"loss":1}`), 415},
		{post("Content-Type: application/x-www-form-urlencoded\r\n", "loss=1"), 415},
		// Bodies that are too large or malformed.
		{post(js, `{"loss":`+strings.Repeat(" ", 1<<20)+`1}`), 400},
		{post(js, `{"loss":"much"}`), 400},
		{post(js, `{"lost":1}`), 400},
		{post(js, `{"loss":0.1} {}`), 400},
		{"PUT /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n", 405},
		{"POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd", 405},
		{"POST /api/v1/streams HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405},
		// Paths that would lead elsewhere.
		{"GET /static/../page.go HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /static/%2e%2e/page.go HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /static/..%2f..%2fserve.go HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /static/page.html HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /static/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET //etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"GET /streams/..%5c..%5cx/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		// Headers without end.
		{"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431},
		{"GET / HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: y\r\n", 10<<10) + "\r\n", 431},
	} {
		if got := answered(attack.text); got != attack.status {
			t.Errorf("%.80q is answered %d, want %d", attack.text, got, attack.status)
		}
		show(1)
	}

	// A thousand connections that send no request, and one whose request never ends.
	slow := say("GET /stream HTTP/1.1\r\nHost: loc")
	var idle []net.Conn
	for range 1000 {
		idle = append(idle, say(""))
	}
	show(5)
	if status := answered("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); status != 200 {
		t.Errorf("between idle connections: %d", status)
	}
	late := watch(t, addr, "/stream")
	show(5)
	if _, _, err := late.next(); err != nil {
		t.Errorf("somebody who comes then: %v", err)
	}
	open := 0
	for _, conn := range idle {
		conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF && !strings.Contains(err.Error(), "reset") {
			open++
		}
	}
	if open > 256 {
		t.Errorf("%d connections that ask nothing are open", open)
	}
	if _, err := io.ReadAll(slow); err != nil {
		t.Errorf("the slow one is not closed: %v", err)
	}
	show(3)
}
