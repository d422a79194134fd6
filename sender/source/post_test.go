package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// An inbox is an upload source at work.
type inbox struct {
	url    string // of its server, without a path
	mu     sync.Mutex
	frames []protocol.Frame
	end    func() // ends the source and waits for that; frames may be read afterwards
}

// newInbox starts an upload source on 127.0.0.1 and collects its frames.
func newInbox(t *testing.T, path string, o Options) *inbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := &inbox{url: "http://" + l.Addr().String()}
	src := open(t, "post://127.0.0.1:0"+path, o).(*upload)
	src.listen = func(context.Context, string) (net.Listener, error) { return l, nil }
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for f, err := range src.Frames(ctx) {
			if err != nil {
				t.Error(err)
				return
			}
			in.mu.Lock()
			in.frames = append(in.frames, f.Keep())
			in.mu.Unlock()
		}
	})
	in.end = func() { cancel(); running.Wait() }
	t.Cleanup(in.end)
	return in
}

// send makes a request and returns the status and text of the answer.
func send(t *testing.T, method, url, kind string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, strings.TrimSpace(string(text)) + " " + res.Header.Get("Allow")
}

// form returns a form with the fields given as name, content, name, content, and its Content-Type.
func form(fields ...string) (body, kind string) {
	var b strings.Builder
	w := multipart.NewWriter(&b)
	for f := range slices.Chunk(fields, 2) {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="`+f[0]+`"; filename="esp32-cam.jpg"`)
		part, _ := w.CreatePart(h)
		io.WriteString(part, f[1])
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}

func TestUpload(t *testing.T) {
	pics := street(t)
	pic, small := string(pics[4]), string(pics[5])
	formBody, formKind := form("imageFile", pic)
	mixedBody, mixedKind := form("device", "cam 7, front & back", "thumb", "\x89PNG", "file", pic, "second", small)
	textBody, textKind := form("device", "cam 7")
	stream := string(savedStream(pics[4:]...))
	for _, tt := range []struct {
		name               string
		method, path, kind string
		body               string
		status             int
		says               string
		want               [][]byte
	}{
		{"raw", "POST", "/upload", "image/jpeg", pic, 200, "pictures taken: 1", pics[4:5]},
		{"put", "PUT", "/upload", "", pic, 200, "pictures taken: 1", pics[4:5]},
		{"curl's default type", "POST", "/upload", "application/x-www-form-urlencoded", pic, 200, "taken: 1", pics[4:5]},
		{"query", "POST", "/upload?cam=7", "image/jpeg", pic, 200, "taken: 1", pics[4:5]},
		{"form", "POST", "/upload", formKind, formBody, 200, "taken: 1", pics[4:5]},
		{"form with more", "POST", "/upload", mixedKind, mixedBody, 200, "taken: 1", pics[4:5]},
		{"form without end", "POST", "/upload", formKind, formBody[:strings.LastIndex(formBody, "\r\n--")], 200, "taken: 1", pics[4:5]},
		{"back to back", "POST", "/upload", "image/jpeg", pic + small, 200, "taken: 2", pics[4:6]},
		{"stream", "POST", "/upload", "multipart/x-mixed-replace", stream, 200, "taken: 4", pics[4:]},
		{"one too large among others", "POST", "/upload", "", pic + string(pics[0]) + small, 200, "taken: 2", pics[4:6]},

		{"wrong path", "POST", "/", "image/jpeg", pic, 404, "this path", nil},
		{"wrong method", "GET", "/upload", "", "", 405, "POST, PUT", nil},
		{"too large", "POST", "/upload", "image/jpeg", string(pics[0]), 413, "more than 20000 bytes", nil},
		{"no JPEG", "POST", "/upload", "image/png", "\x89PNG", 415, "no whole JPEG", nil},
		{"nothing", "POST", "/upload", "", "", 415, "no whole JPEG", nil},
		{"cut off", "POST", "/upload", "image/jpeg", pic[:9000], 400, "ends too early", nil},
		{"form without one", "POST", "/upload", textKind, textBody, 415, "no whole JPEG", nil},
		{"form cut off", "POST", "/upload", formKind, formBody[:9000], 400, "ends too early", nil},
		{"form without boundary", "POST", "/upload", "multipart/form-data", formBody, 200, "taken: 1", [][]byte{pics[4]}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newInbox(t, "/upload", Options{MaxFrameSize: 20_000})
			status, text := send(t, tt.method, in.url+tt.path, tt.kind, strings.NewReader(tt.body))
			if status != tt.status || !strings.Contains(text, tt.says) {
				t.Errorf("answer %d %s, want %d %s", status, text, tt.status, tt.says)
			}
			in.end()
			equal(t, in.frames, tt.want...)
		})
	}
}

func TestUploadAnyPath(t *testing.T) {
	pics := street(t)
	for _, path := range []string{"", "/"} {
		in := newInbox(t, path, Options{})
		for i, where := range []string{"", "/", "/upload", "/cams/7/push.php"} {
			if status, text := send(t, "POST", in.url+where, "", bytes.NewReader(pics[i])); status != 200 {
				t.Errorf("%q: %d %s", where, status, text)
			}
		}
		in.end()
		equal(t, in.frames, pics[:4]...)
	}
}

// Each picture of a body that does not end has to become a frame at once.
func TestUploadStream(t *testing.T) {
	pics := street(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	src := open(t, "post://:0", Options{}).(*upload)
	src.listen = func(context.Context, string) (net.Listener, error) { return l, nil }
	r, w := io.Pipe()
	var poster sync.WaitGroup
	poster.Go(func() {
		if res, err := http.Post("http://"+l.Addr().String(), "", r); err == nil { // it is cut off in the end
			res.Body.Close()
		}
	})
	go w.Write(pics[0])
	n := 0
	for f, err := range src.Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		equal(t, []protocol.Frame{f}, pics[n])
		if n++; n == len(pics) {
			break
		}
		go w.Write(pics[n])
	}
	w.Close()
	poster.Wait()
}

func TestUploadPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = failure(open(t, "post://"+l.Addr().String()+"/upload", Options{}))
	if err == nil || !strings.Contains(err.Error(), "another program has this port") {
		t.Errorf("error %v", err)
	}
}

// uploadInMemory starts an upload source on a network in memory. Its caller may be slow.
func uploadInMemory(t *testing.T, o Options, each func(protocol.Frame)) (client *http.Client, end func()) {
	network := newMemoryNet()
	src := open(t, "post://:80/", o).(*upload)
	src.listen = func(context.Context, string) (net.Listener, error) { return network, nil }
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for f, err := range src.Frames(ctx) {
			if err != nil {
				t.Error(err)
				return
			}
			each(f)
		}
	}()
	client = &http.Client{Transport: &http.Transport{DialContext: network.Dial}}
	return client, func() { cancel(); synctest.Wait(); client.CloseIdleConnections() }
}

// A poster that sends a byte now and then must not keep its place.
func TestUploadSlow(t *testing.T) {
	pic := street(t)[4]
	synctest.Test(t, func(t *testing.T) {
		client, end := uploadInMemory(t, Options{}, func(protocol.Frame) {})
		defer end()
		conn, err := client.Transport.(*http.Transport).DialContext(t.Context(), "tcp", "upload:80")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		start := time.Now()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", len(pic))
		go func() {
			for i := range pic {
				time.Sleep(10 * time.Second)
				if _, err := conn.Write(pic[i : i+1]); err != nil {
					return
				}
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusRequestTimeout {
			t.Errorf("%v, %v", res, err)
		}
		if d := time.Since(start); d != uploadTime {
			t.Errorf("kept its place for %v, want %v", d, uploadTime)
		}
		conn.Close()
		time.Sleep(time.Minute) // the poster notices
	})
}

// A poster has to wait for the caller of Frames. If its picture is not taken, the answer says so. No picture is kept for
// later.
func TestUploadSlowCaller(t *testing.T) {
	pics := street(t)
	synctest.Test(t, func(t *testing.T) {
		var taken []protocol.Frame
		pause := time.Second
		client, end := uploadInMemory(t, Options{}, func(f protocol.Frame) {
			taken = append(taken, f.Keep())
			time.Sleep(pause)
		})
		start := time.Now()
		post := func(body ...[]byte) int {
			res, err := client.Post("http://localhost/", "image/jpeg", bytes.NewReader(bytes.Join(body, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			return res.StatusCode
		}
		if status := post(pics...); status != 200 {
			t.Errorf("status %d", status)
		}
		if d := time.Since(start); d != 7*time.Second {
			t.Errorf("8 pictures to a caller who takes one a second: %v", d)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		pause = time.Hour
		if status := post(pics[0]); status != 200 {
			t.Errorf("status %d", status)
		}
		if status := post(pics[1]); status != 503 {
			t.Errorf("status %d for a picture that nobody takes", status)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		equal(t, taken, append(pics, pics[0])...)
		end()
	})
}

// Many posters at once: each picture is taken.
func TestUploadMany(t *testing.T) {
	const posters = 200
	pic := street(t)[4]
	synctest.Test(t, func(t *testing.T) {
		var n int
		client, end := uploadInMemory(t, Options{}, func(protocol.Frame) { n++ })
		defer end()
		var running sync.WaitGroup
		for range posters {
			running.Go(func() {
				r, w := io.Pipe()
				go func() {
					w.Write(pic[:1000])
					time.Sleep(time.Second) // all are under way
					w.Write(pic[1000:])
					w.Close()
				}()
				res, err := client.Post("http://localhost/", "image/jpeg", r)
				if err != nil {
					t.Error(err)
					return
				}
				if res.Body.Close(); res.StatusCode != 200 {
					t.Errorf("status %d", res.StatusCode)
				}
			})
		}
		running.Wait()
		synctest.Wait()
		if n != posters {
			t.Errorf("%d frames", n)
		}
	})
}

func TestUploadLog(t *testing.T) {
	log := logged{}
	in := newInbox(t, "/upload", Options{Log: log.logger()})
	for range 20 {
		send(t, "POST", in.url, "", strings.NewReader("x"))
	}
	if n := strings.Count(log.String(), "refused"); n == 0 || n > 5 { // one a second
		t.Errorf("%d lines logged:\n%s", n, log.String())
	}
}

func TestUploadCurl(t *testing.T) {
	curl, pics := program(t, "curl"), street(t)
	file := func(i int) string {
		return filepath.Join("../../protocol/mjpeg/testdata/street", fmt.Sprint(i+1, ".jpg"))
	}
	in := newInbox(t, "/upload", Options{})
	for i, how := range [][]string{
		{"--data-binary", "@" + file(0)},
		{"-F", "imageFile=@" + file(1) + ";type=image/jpeg"},
		{"-F", "device=cam 7", "-F", "picture=@" + file(2)},
		{"--upload-file", file(3)},
		{"--http1.0", "--data-binary", "@" + file(4)},
		{"-H", "Transfer-Encoding: chunked", "--data-binary", "@" + file(5)},
		{"-H", "Expect: 100-continue", "--data-binary", "@" + file(6)},
	} {
		out, err := exec.Command(curl, append(how, "-sS", "--fail-with-body", in.url+"/upload")...).CombinedOutput()
		if err != nil || string(out) != "pictures taken: 1\n" {
			t.Errorf("%d: curl %q: %v, %s", i, how, err, out)
		}
	}
	in.end()
	equal(t, in.frames, pics[:7]...)
}

func TestUploadFFmpeg(t *testing.T) {
	ffmpeg := program(t, "ffmpeg")
	for _, form := range []string{"mjpeg", "mpjpeg"} {
		in := newInbox(t, "/upload", Options{})
		out, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240", "-frames:v", "25",
			"-f", form, "-method", "POST", in.url+"/upload").CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v, %s", form, err, out)
		}
		for range 500 { // ffmpeg does not wait for the answer
			in.mu.Lock()
			n := len(in.frames)
			in.mu.Unlock()
			if n == 25 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		in.end()
		if len(in.frames) != 25 {
			t.Errorf("%s: %d frames, want 25", form, len(in.frames))
		}
	}
}

// A server that fails while it listens ends the source with the error.
func TestUploadListenerFails(t *testing.T) {
	src := open(t, "post://:80", Options{}).(*upload)
	src.listen = func(context.Context, string) (net.Listener, error) {
		network := newMemoryNet()
		network.Close()
		return network, nil
	}
	if err := failure(src); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want %v", err, net.ErrClosed)
	}
}
