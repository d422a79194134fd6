package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// An answer is one HTTP answer of a camera.
type answer struct {
	kind string
	body []byte
	hang bool // keep the connection open after the body, until the viewer leaves
}

func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	} else {
		w.Header()["Content-Type"] = nil // not guessed either
	}
	w.Write(a.body)
	if a.hang {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

// spell writes pictures as multipart in a camera's own way.
func spell(boundary, header string, pics [][]byte) []byte {
	var b bytes.Buffer
	for _, pic := range pics {
		fmt.Fprintf(&b, boundary+header, len(pic))
		b.Write(pic)
	}
	return b.Bytes()
}

func TestCameraSpellings(t *testing.T) {
	pics := street(t)
	const multipart = "multipart/x-mixed-replace; boundary="
	for name, a := range map[string]answer{
		"udpcam":               {kind: multipart + "boundarydonotcross", body: savedStream(pics...)},
		"no length":            {kind: multipart + "b", body: spell("\r\n--b\r\n", "X: image/jpeg\r\n\r\n%.0s", pics)},
		"dashes declared":      {kind: multipart + "--b", body: spell("--b\r\n", "Content-Length: %d\r\n\r\n", pics)},
		"dashes missing":       {kind: multipart + "b", body: spell("\r\nb\r\n", "Content-length: %d\r\n\r\n", pics)},
		"bare newlines":        {kind: multipart + "b", body: spell("\n--b\n", "Content-Length: %d\n\n", pics)},
		"wrong length":         {kind: multipart + "b", body: spell("\r\n--b\r\n", "Content-Length: 1%d\r\n\r\n", pics)},
		"no boundary declared": {kind: "multipart/x-mixed-replace", body: savedStream(pics...)},
		"bare, no type":        {body: bytes.Join(pics, nil)},
		"bare image/jpeg":      {kind: "image/jpeg", body: bytes.Join(pics, nil)},
		"bare motion jpeg":     {kind: "video/x-motion-jpeg", body: bytes.Join(pics, nil)},
		"bare octets":          {kind: "application/octet-stream", body: bytes.Join(pics, nil)},
		"type of nonsense":     {kind: ";;", body: bytes.Join(pics, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			a.hang = true // each frame must come before any byte of the next
			camera := httptest.NewServer(a)
			defer camera.Close()
			equal(t, collect(t, open(t, camera.URL, Options{}), len(pics)), pics...)
		})
	}
}

func TestCameraSkips(t *testing.T) {
	pics := street(t)
	body := savedStream(pics[0], pics[4][:3000], pics[5])
	camera := httptest.NewServer(answer{kind: "multipart/x-mixed-replace", body: body, hang: true})
	defer camera.Close()
	var skipped skips
	frames := collect(t, open(t, camera.URL, Options{MaxFrameSize: 20_000, Skip: skipped.add}), 1)
	equal(t, frames, pics[5])
	if got := fmt.Sprint(skipped.n); got != "map[oversized:1 truncated:1]" {
		t.Errorf("skipped %s", got)
	}
}

// inMemory returns a source whose camera is handler, on a network in memory. The function that it returns ends both.
func inMemory(t *testing.T, handler http.Handler, o Options) (src *camera, end func()) {
	network := newMemoryNet()
	server := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(slog.NewTextHandler(t.Output(), nil), 0)}
	go server.Serve(network)
	src = open(t, "http://user:secret@camera/stream?pwd=secret", o).(*camera)
	dial(src, network.Dial)
	return src, func() { server.Close() }
}

// dial makes a camera source connect with dial.
func dial(c *camera, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	c.lines.connect = dial
}

// When a stream that has brought pictures ends, udpcam connects again at once.
func TestCameraReconnects(t *testing.T) {
	pics := street(t)
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int32
		log := logged{}
		src, end := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			answer{kind: "multipart/x-mixed-replace", body: savedStream(pics[4:7]...)}.ServeHTTP(w, r)
		}), Options{Log: log.logger()})
		defer end()
		start := time.Now()
		frames := collect(t, src, 30)
		if n := requests.Load(); n != 10 {
			t.Errorf("%d requests for 30 frames, 3 at a time", n)
		}
		if d := time.Since(start); d < 9*firstRetry/2 || d > 9*firstRetry {
			t.Errorf("%v for 9 pauses of 50 to 100 ms", d)
		}
		equal(t, frames[27:], pics[4:7]...)
		if n := strings.Count(log.String(), "\n"); n != 1 || strings.Contains(log.String(), "secret") {
			t.Errorf("logged %d lines in less than a second, or a password:\n%s", n, log.String())
		}
	})
}

// A camera that has worked is asked again for ever, but only every few seconds.
func TestCameraAway(t *testing.T) {
	pics := street(t)
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int32
		log := logged{}
		start := time.Now()
		src, end := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1); requests.Load() == 1 || time.Since(start) > time.Hour {
				answer{kind: "multipart/x-mixed-replace", body: savedStream(pics[4:6]...)}.ServeHTTP(w, r)
				return
			}
			http.Error(w, "starting", http.StatusNotFound)
		}), Options{Log: log.logger()})
		defer end()
		equal(t, collect(t, src, 4), pics[4], pics[5], pics[4], pics[5])
		if n := requests.Load(); n < 700 || n > 1500 {
			t.Errorf("%d requests in an hour", n)
		}
		if n := strings.Count(log.String(), "\n"); n != 3 {
			t.Errorf("%d lines logged, want one for each change: pictures, not found, pictures\n%s", n, log.String())
		}
	})
}

func TestCameraSilent(t *testing.T) {
	pics := street(t)
	synctest.Test(t, func(t *testing.T) {
		src, end := inMemory(t, answer{kind: "multipart/x-mixed-replace", body: savedStream(pics[4]), hang: true}, Options{})
		defer end()
		start := time.Now()
		collect(t, src, 2)
		if d := time.Since(start); d < silence || d > silence+firstRetry {
			t.Errorf("silent for %v before it was connected to again, want %v", d, silence)
		}
	})
}

// If the caller takes long over a frame, the camera does not count as silent.
func TestCameraSlowCaller(t *testing.T) {
	pics := street(t)
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int32
		src, end := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			answer{kind: "multipart/x-mixed-replace", body: savedStream(pics...), hang: true}.ServeHTTP(w, r)
		}), Options{})
		defer end()
		n := 0
		for _, err := range src.Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == len(pics) {
				break
			}
			time.Sleep(time.Minute)
		}
		if n := requests.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

func TestCameraSnapshot(t *testing.T) {
	pics := street(t)
	for _, tt := range []struct {
		fps   float64
		every time.Duration
	}{{0, 200 * time.Millisecond}, {2, 500 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			var requests atomic.Int32
			src, end := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := requests.Add(1)
				answer{kind: "image/jpeg", body: pics[n%8]}.ServeHTTP(w, r)
			}), Options{FPS: tt.fps})
			defer end()
			start := time.Now()
			for i, f := range collect(t, src, 40) {
				if !bytes.Equal(f.JPEG, pics[(i+1)%8]) {
					t.Errorf("picture %d is not the one that was answered", i)
				}
				if at := f.Captured.Sub(start); at != time.Duration(i)*tt.every {
					t.Errorf("picture %d after %v, want every %v", i, at, tt.every)
				}
			}
		})
	}
}

// udpcam waits for a camera that may still be starting, but not for ever.
func TestCameraNotThere(t *testing.T) {
	pics := street(t)
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	synctest.Test(t, func(t *testing.T) {
		log := logged{}
		src, end := inMemory(t, nil, Options{Log: log.logger()})
		defer end()
		dial(src, func(context.Context, string, string) (net.Conn, error) { return nil, refused })
		start := time.Now()
		err := failure(src)
		if d := time.Since(start); !errors.Is(err, syscall.ECONNREFUSED) || d < silence || d > silence+lastRetry {
			t.Errorf("error %v after %v, want connection refused after %v", err, d, silence)
		}
		if want := "camera http://user:xxxxx@camera/stream?…: connect: connection refused"; fmt.Sprint(err) != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || strings.Contains(log.String(), "secret") {
			t.Errorf("logged %d lines, want 1, without a password:\n%s", n, log.String())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		src, end := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if time.Since(start) < silence/2 {
				http.Error(w, "starting", http.StatusServiceUnavailable)
				return
			}
			answer{kind: "multipart/x-mixed-replace", body: savedStream(pics...)}.ServeHTTP(w, r)
		}), Options{})
		defer end()
		equal(t, collect(t, src, 8), pics...)
	})
	synctest.Test(t, func(t *testing.T) { // it accepts connections and says nothing
		mute := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		src, end := inMemory(t, http.HandlerFunc(mute), Options{})
		defer end()
		if err := failure(src); !errors.Is(err, errSilent) {
			t.Errorf("error %v, want %v", err, errSilent)
		}
	})
}

// A failure that a retry cannot mend is an error at once. The error says what to do, and does not contain the password.
func TestCameraRefuses(t *testing.T) {
	pics := street(t)
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	for _, tt := range []struct {
		name   string
		camera http.Handler
		says   string
	}{
		{"login", status(401), "401 Unauthorized; give the right user and password"},
		{"forbidden", status(403), "403 Forbidden; give the right user and password"},
		{"path", status(404), "404 Not Found; find the path"},
		{"method", status(405), "405 Method Not Allowed"},
		{"page", answer{kind: "text/html; charset=utf-8", body: []byte("<html>")}, "text/html instead of pictures"},
		{"film", answer{kind: "video/mp4", body: []byte("ftyp")}, "video/mp4 instead of pictures"},
		{"png", answer{kind: "image/png", body: []byte("PNG")}, "image/png instead of pictures"},
		{"text", answer{kind: "text/plain", body: []byte("hello, you!")}, "no whole JPEG in its answer"},
		{"without end", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			junk := bytes.Repeat([]byte("no picture at all. "), 1<<14)
			for {
				if _, err := w.Write(junk); err != nil {
					return
				}
			}
		}), "no whole JPEG in its answer, only text"},
		{"circle", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/", http.StatusFound)
		}), "redirects in circles"},
		{"cut off", answer{kind: "image/jpeg", body: pics[0][:9999]}, "no whole JPEG in its answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			camera := httptest.NewServer(tt.camera)
			defer camera.Close()
			log := logged{}
			url := strings.Replace(camera.URL, "://", "://user:secret@", 1) + "/?pwd=secret"
			err := failure(open(t, url, Options{Log: log.logger()}))
			if err == nil || !strings.Contains(err.Error(), tt.says) ||
				!strings.HasPrefix(err.Error(), "camera http://user:xxxxx@1") {
				t.Errorf("error %v, want one that says %q", err, tt.says)
			}
			if strings.Contains(fmt.Sprint(err, log.String()), "secret") || strings.Count(log.String(), "\n") > 1 {
				t.Errorf("a password in %v, or more than a line logged: %s", err, log.String())
			}
		})
	}
}

func TestCameraTLS(t *testing.T) {
	quiet := func(s *httptest.Server) { s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) }
	secure := httptest.NewUnstartedServer(answer{})
	quiet(secure)
	secure.StartTLS()
	defer secure.Close()
	if err := failure(open(t, secure.URL, Options{})); err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("error %v, want one about the certificate", err)
	}
	plain := httptest.NewServer(answer{})
	defer plain.Close()
	src := open(t, strings.Replace(plain.URL, "http:", "https:", 1), Options{})
	if err := failure(src); err == nil || !strings.Contains(err.Error(), "http") {
		t.Errorf("error %v, want one that says to use http", err)
	}
}

func TestCameraNoSuchHost(t *testing.T) {
	src := open(t, "http://user@camera.invalid/", Options{})
	dial(src.(*camera), func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "camera.invalid", IsNotFound: true}}
	})
	if err := failure(src); err == nil || !strings.HasSuffix(err.Error(), "there is no host named camera.invalid") {
		t.Errorf("error %v", err)
	}
}

func TestCameraCancel(t *testing.T) {
	camera := httptest.NewServer(answer{kind: "image/jpeg", body: street(t)[4], hang: true})
	defer camera.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range open(t, camera.URL, Options{}).Frames(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		cancel()
	}
	if n != 1 {
		t.Errorf("%d frames, want 1", n)
	}
}

// BenchmarkCamera measures a picture's way through a connection on this machine.
func BenchmarkCamera(b *testing.B) {
	pic := street(b)[1]
	part := savedStream(pic)
	camera := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace")
		for range b.N {
			w.Write(part)
		}
	}))
	defer camera.Close()
	b.SetBytes(int64(len(pic)))
	b.ReportAllocs()
	n := 0
	for _, err := range open(b, camera.URL, Options{Log: slog.New(slog.DiscardHandler)}).Frames(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		if n++; n == b.N {
			break
		}
	}
}
