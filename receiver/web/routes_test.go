package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// ask sends a request to the server without a network. It is not for streams.
func ask(h http.Handler, method, target string) *http.Response {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost"
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoutes(t *testing.T) {
	h := New(quiet(Config{}))
	f := frame(0, picture(t, 1))
	f.Stream = "door"
	h.Put(f)
	const (
		page, text = "text/html; charset=utf-8", "text/plain; charset=utf-8"
		jpeg, js   = "image/jpeg", "application/json"
		multipart  = "multipart/x-mixed-replace; boundary=boundarydonotcross"
	)
	for _, test := range []struct {
		method, target string
		status         int
		contentType    string
	}{
		{"GET", "/", 200, page},
		{"HEAD", "/", 200, page},
		{"GET", "/?action=snapshot", 200, jpeg},
		{"GET", "/?action=command&id=1", 404, text},
		{"GET", "/snapshot.jpg", 200, jpeg},
		{"HEAD", "/snapshot.jpg", 200, jpeg},
		{"GET", "/snapshot", 200, jpeg},
		{"GET", "/streams/door/snapshot.jpg", 200, jpeg},
		{"GET", "/streams/door/", 200, page},
		{"GET", "/streams/door", 302, ""},
		{"GET", "/streams", 200, js},
		{"GET", "/state", 200, js},
		{"GET", "/healthz", 200, js},
		{"HEAD", "/healthz", 200, js},
		{"HEAD", "/stream", 200, multipart},
		{"HEAD", "/?action=stream", 200, multipart},
		{"HEAD", "/video_feed", 200, multipart},
		{"HEAD", "/streams/door/stream", 200, multipart},
		{"GET", "/static/page.css", 200, "text/css; charset=utf-8"},
		{"GET", "/static/page.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/static/page.html", 404, text},
		{"GET", "/static/..%2fpage.go", 404, text},
		{"GET", "/streams/window/", 404, text},
		{"GET", "/streams/window/stream", 404, text},
		{"GET", "/streams/window/snapshot.jpg", 404, text},
		{"GET", "/streams//stream", 404, text},
		{"GET", "/streams/../stream", 404, text},
		{"GET", "/streams/", 404, text},
		{"GET", "/stream/", 404, text},
		{"GET", "/favicon.ico", 404, text},
		{"GET", "//evil.example/", 404, text},
		{"POST", "/", 405, text},
		{"POST", "/stream", 405, text},
		{"PUT", "/snapshot.jpg", 405, text},
		{"DELETE", "/streams/door/", 405, text},
		{"OPTIONS", "/stream", 405, text},
	} {
		r := ask(h, test.method, test.target)
		if r.StatusCode != test.status || r.Header.Get("Content-Type") != test.contentType {
			t.Errorf("%s %s: %s, %s", test.method, test.target, r.Status, r.Header.Get("Content-Type"))
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: %v", test.method, test.target, r.Header)
		}
	}
	if s := h.Stats(); s.Viewers != 0 || s.Streams != 1 {
		t.Errorf("%+v", s)
	}
}

// Behind a prefix everything works, and no link leads out of the prefix.
func TestUnderPrefix(t *testing.T) {
	h := New(quiet(Config{}))
	f := frame(0, picture(t, 5))
	f.Stream = "a/b"
	h.Put(f)
	mux := http.NewServeMux()
	mux.Handle("/cam/", http.StripPrefix("/cam", h))
	if r := ask(mux, "GET", "/cam/streams/a%2Fb"); r.StatusCode != 302 || r.Header.Get("Location") != "./a%2Fb/" {
		t.Error(r.Status, r.Header)
	}
	for _, target := range []string{"", "streams/a%2Fb/", "streams/a%2Fb/snapshot.jpg", "static/page.js"} {
		if r := ask(mux, "GET", "/cam/"+target); r.StatusCode != 200 {
			t.Error(target, r.Status)
		}
	}
	for target, want := range map[string]string{
		"/cam/":               `src="static/page.js"`,
		"/cam/streams/a%2Fb/": `src="../../static/page.js"`,
	} {
		page := body(t, ask(mux, "GET", target))
		if !strings.Contains(page, want) || strings.Contains(page, `="/`) {
			t.Errorf("%s: %s", target, page)
		}
	}
}

// A stream may have any name. The path in the list leads to its page, and the page shows the name as text.
func TestNames(t *testing.T) {
	names := []string{"", ".", "..", "~", "~..", "a/b", "../../etc", "%2e%2e", "a?b#c", "a b+c", `\`,
		"<script>alert(1)</script>", `" onload="alert(1)`,
		"Türe ☃", "\xff\x00\n", "...", "{{.}}", "static", ";x", strings.Repeat("x", 64)}
	for _, name := range names {
		h := New(quiet(Config{}))
		f := frame(0, picture(t, 5))
		f.Stream = name
		h.Put(f)
		var list []streamInfo
		if err := json.Unmarshal([]byte(body(t, ask(h, "GET", "/streams"))), &list); err != nil || len(list) != 1 {
			t.Fatalf("%q: %v, %v", name, list, err)
		}
		for _, path := range []string{"", "stream", "snapshot.jpg"} {
			method := "GET"
			if path == "stream" {
				method = "HEAD"
			}
			if r := ask(h, method, "/"+list[0].Path+path); r.StatusCode != 200 {
				t.Errorf("%q: %s: %s", name, list[0].Path+path, r.Status)
			}
		}
		page := body(t, ask(h, "GET", "/"+list[0].Path))
		if strings.Contains(page, "<script>") || strings.Contains(page, `" onload`) {
			t.Errorf("%q is not escaped in its page:\n%s", name, page)
		}
	}
}

func TestFramesThatAreNotTaken(t *testing.T) {
	var reasons []string
	h := New(quiet(Config{MaxStreams: 1, Skip: func(reason string) { reasons = append(reasons, reason) }}))
	put := func(stream string, jpeg []byte) {
		f := frame(0, jpeg)
		f.Stream = stream
		h.Put(f)
	}
	huge := slices.Clone(picture(t, 5))
	sof := bytes.Index(huge, []byte{0xFF, 0xC0})
	copy(huge[sof+5:], "\xff\xff\xff\xff") // height and width
	put("one", nil)
	put(strings.Repeat("x", 65), picture(t, 5))
	put("one", huge)
	if s := h.Stats(); s.Streams != 0 {
		t.Errorf("%+v", s)
	}
	put("one", picture(t, 5))
	put("two", picture(t, 5))
	if s := h.Stats(); s.Streams != 1 || s.FramesIn != 1 || s.Dropped != 4 {
		t.Errorf("%+v", s)
	}
	if want := []string{SkipEmpty, SkipName, SkipHuge, SkipStreams}; !slices.Equal(reasons, want) {
		t.Errorf("%q, want %q", reasons, want)
	}
}

func TestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		jpeg := picture(t, 5)
		time.AfterFunc(4*time.Second, func() { h.Put(frame(1_000_042, jpeg)) })
		r := ask(h, "GET", "/snapshot.jpg") // waits
		if b := body(t, r); r.StatusCode != 200 || !bytes.Equal([]byte(b), jpeg) {
			t.Error(r.Status, len(b))
		}
		time.Sleep(72 * time.Second)
		r = ask(h, "GET", "/snapshot.jpg")
		for name, want := range map[string]string{"Content-Length": "14089", "Cache-Control": "no-store", "Age": "72",
			"X-Timestamp": "1700000001.000042"} {
			if r.Header.Get(name) != want {
				t.Errorf("%s: %s", name, r.Header.Get(name))
			}
		}
	})
}

// TestHubKeepsFrames has a source on demand that lends its frames, all in the same memory if possible. The server must show
// the newest frame unchanged until the next one comes, also if its memory is wanted for others.
func TestHubKeepsFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pool protocol.Pool
		h := New(quiet(Config{}))
		open := func(ctx context.Context) iter.Seq2[protocol.Frame, error] {
			return func(yield func(protocol.Frame, error) bool) {
				for i := 0; ctx.Err() == nil; i++ {
					pool.TakeBack()
					b := pool.Get(14_089)
					copy(b, picture(t, 5))
					if !yield(pool.Lend(frame(i, b)), nil) {
						return
					}
					pool.TakeBack()
					clear(pool.Get(14_089)) // another frame uses the memory now, if it is free
					time.Sleep(time.Second)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var pulling sync.WaitGroup
		pulling.Go(func() { h.Pull(ctx, open, 0) })
		for range 5 {
			if b := body(t, ask(h, "GET", "/snapshot.jpg")); b != string(picture(t, 5)) {
				t.Errorf("%d bytes that are not the picture", len(b))
			}
			time.Sleep(1300 * time.Millisecond)
		}
		cancel()
		pulling.Wait()

		buffer := picture(t, 6)
		h.Put(frame(1, buffer))
		clear(buffer) // which is the caller's again
		if b := body(t, ask(h, "GET", "/snapshot.jpg")); b != string(picture(t, 6)) {
			t.Errorf("%d bytes that are not the picture", len(b))
		}
	})
}

func TestSnapshotOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := ask(New(quiet(Config{})), "GET", "/snapshot.jpg")
		if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || time.Since(began) != 5*time.Second {
			t.Error(r.Status, r.Header, time.Since(began))
		}
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		expect := func(code int, status string) (answer health) {
			t.Helper()
			r := ask(h, "GET", "/healthz")
			err := json.Unmarshal([]byte(body(t, r)), &answer)
			if err != nil || r.StatusCode != code || answer.Status != status {
				t.Errorf("%s, %+v, %v", r.Status, answer, err)
			}
			return answer
		}
		expect(503, statusWaiting)
		for i := range 50 {
			h.Put(frame(i, picture(t, 1)))
			time.Sleep(40 * time.Millisecond)
		}
		s := expect(200, statusLive).Streams[0]
		want := streamInfo{Path: "streams/~/", Front: true, Status: statusLive, Age: .04, FPS: 25, Every: .04,
			Width: 768, Height: 576, Frames: 50, Bytes: 50 * uint64(len(picture(t, 1)))}
		if s != want {
			t.Errorf("%+v", s)
		}
		time.Sleep(3 * time.Second)
		s = expect(503, statusQuiet).Streams[0]
		if s.Status != statusQuiet || s.Age != 3.04 || s.FPS != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// The expectation is what ustreamer's source prints, with this stream's values.
func TestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		c := ln.watch(t, "/stream?key=me")
		go io.Copy(io.Discard, c)
		for i := range 50 {
			h.Put(frame(i, picture(t, 1)))
			time.Sleep(40 * time.Millisecond)
		}
		want := `{"ok":true,"result":{"instance_id":"","encoder":{"type":"HW","quality":0},` +
			`"source":{"resolution":{"width":768,"height":576},"online":true,"desired_fps":25,"captured_fps":25},` +
			`"stream":{"queued_fps":25,"clients":1,"clients_stat":{"1":{"fps":25,"extra_headers":false,` +
			`"advance_headers":false,"dual_final_frames":false,"zero_data":false,"key":"me"}}}}}` + "\n"
		var got, wanted any // the order of names makes no difference
		if err := errors.Join(json.Unmarshal([]byte(body(t, ask(h, "GET", "/state"))), &got),
			json.Unmarshal([]byte(want), &wanted)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("got  %v\nwant %v", got, wanted)
		}
		c.Close()
	})
}

func TestOwnPage(t *testing.T) {
	h := New(quiet(Config{HTML: []byte("<script>mine()</script>")}))
	r := ask(h, "GET", "/")
	if b := body(t, r); b != "<script>mine()</script>" || r.Header.Get("Content-Security-Policy") != "frame-ancestors 'self'" {
		t.Error(b, r.Header)
	}
}
