package source

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A rawCamera answers the request with this number, from 1 up, with any bytes. Then the connection is closed, unless it
// returns true.
type rawCamera func(w io.Writer, r *http.Request, number int) (stays bool)

// rawInMemory returns a source whose camera writes its answers byte for byte, on a network in memory. It must run in a
// bubble.
func rawInMemory(t *testing.T, answer rawCamera, o Options, login ...string) (src Source, end func()) {
	network, number := newMemoryNet(), 0
	go func() {
		for {
			conn, err := network.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewReader(conn); ; {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					number++
					if !answer(conn, r, number) {
						return
					}
				}
			}()
		}
	}()
	c := open(t, "http://"+strings.Join(login, "")+"camera/", o).(*camera)
	dial(c, network.Dial)
	return c, func() { network.Close(); synctest.Wait(); time.Sleep(time.Hour) }
}

// Cameras with a misbehaviour of their own work.
func TestCameraOdd(t *testing.T) {
	pics := street(t)
	pic := pics[4]
	const snapshot = "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s"
	mpf := append(bytes.Clone(pic[:2]), "\xff\xe2\x00\x10MPF\x00II*\x00\x08\x00\x00\x00\x00\x00"...)
	mpf = append(mpf, pic[2:]...)
	for name, tt := range map[string]struct {
		camera rawCamera
		want   []byte
		every  time.Duration // a picture, at most
	}{
		"no name before the date": {func(w io.Writer, _ *http.Request, _ int) bool {
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nServer: GoAhead\r\nTue, 12 Jun 2012 01:56:34 GMT\r\nContent-Type:image/jpeg\r\n"+
				"Content-Length:%d\r\n\r\n%s", len(pic), pic)
			return false
		}, pic, time.Second},
		"length too large": {func(w io.Writer, _ *http.Request, _ int) bool {
			fmt.Fprintf(w, snapshot, len(pic)+500, pic)
			return false
		}, pic, time.Second},
		"no length, no end": {func(w io.Writer, r *http.Request, _ int) bool {
			fmt.Fprintf(w, "HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n%s", pic)
			return true
		}, pic, 2 * time.Second},
		"a preview behind the picture": {func(w io.Writer, _ *http.Request, _ int) bool {
			fmt.Fprintf(w, snapshot, len(mpf)+len(pics[5]), append(bytes.Clone(mpf), pics[5]...))
			return true
		}, mpf, time.Second},
		"previews in a stream": {func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n")
			for {
				if _, err := w.Write(savedStream(mpf, pics[5], pics[6])); err != nil {
					return false
				}
				time.Sleep(time.Second)
			}
		}, mpf, 2 * time.Second},
		"wants its cookie back": {func(w io.Writer, r *http.Request, _ int) bool {
			if _, err := r.Cookie("sid"); err == nil {
				fmt.Fprintf(w, snapshot, len(pic), pic)
			} else {
				io.WriteString(w, "HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: sid=1; path=/\r\nContent-Length: 0\r\n\r\n")
			}
			return true
		}, pic, time.Second},
		"busy at first": {func(w io.Writer, _ *http.Request, number int) bool {
			if number < 3 {
				io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nBusy")
			} else {
				fmt.Fprintf(w, snapshot, len(pic), pic)
			}
			return true
		}, pic, time.Second},
		"any image": {func(w io.Writer, _ *http.Request, _ int) bool {
			fmt.Fprintf(w, strings.Replace(snapshot, "image/jpeg", "image/*", 1), len(pic), pic)
			return true
		}, pic, time.Second},
		"slow": {func(w io.Writer, _ *http.Request, number int) bool {
			io.WriteString(w, "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n")
			for number == 1 { // a second connection would show that the first was given up
				time.Sleep(12 * time.Second)
				if _, err := w.Write(savedStream(pic)); err != nil {
					break
				}
			}
			return false
		}, pic, 13 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, end := rawInMemory(t, tt.camera, Options{})
				defer end()
				start := time.Now()
				frames := collect(t, src, 10)
				equal(t, frames, bytesRepeated(tt.want, 10)...)
				if took := time.Since(start); took > 10*tt.every {
					t.Errorf("10 pictures took %v", took)
				}
			})
		})
	}
}

// A hostile camera gets an error that says what is wrong, after a time and a number of bytes that are bounded.
func TestCameraHostile(t *testing.T) {
	pic := street(t)[4]
	forever := func(w io.Writer, text string, pause time.Duration) bool {
		for {
			if _, err := io.WriteString(w, text); err != nil {
				return false
			}
			time.Sleep(pause)
		}
	}
	const ok = "HTTP/1.1 200 OK\r\n"
	junk := strings.Repeat("\x00", 1<<20)
	for name, tt := range map[string]struct {
		camera rawCamera
		says   string
	}{
		"header without end": {func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, ok)
			return forever(w, strings.Repeat("X: y\r\n", 100), 0)
		}, "exceeded 65536 bytes"},
		"line without end": {func(w io.Writer, _ *http.Request, _ int) bool {
			return forever(w, strings.Repeat("x", 1000), 0)
		}, "exceeded"},
		"malformed header without end": {func(w io.Writer, _ *http.Request, number int) bool {
			io.WriteString(w, ok+"no field\r\n")
			if number == 1 {
				io.WriteString(w, "\r\n")
				return false
			}
			return forever(w, strings.Repeat("no field\r\n", 100), 0)
		}, "header"},
		"interim answers without end": {func(w io.Writer, _ *http.Request, _ int) bool {
			return forever(w, "HTTP/1.1 102 Processing\r\n\r\n", 0)
		}, "exceeded 65536 bytes"},
		"header drop by drop": {func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, ok)
			return forever(w, "X", time.Second)
		}, "nothing has come for 30s"},
		"picture drop by drop": {func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, ok+"Content-Type: multipart/x-mixed-replace\r\n\r\n\r\n"+string(pic[:2000]))
			return forever(w, "\x01", time.Second)
		}, "no whole JPEG has come for 30s"},
		"something else without end": {func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, ok+"Content-Type: multipart/x-mixed-replace\r\n\r\n")
			return forever(w, "--b\r\nContent-Type: video/x-h264\r\n\r\nabc\r\n", time.Second)
		}, `no whole JPEG: its parts say that they are "video/H.264"`},
		"picture without end": {func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, ok+"Content-Type: image/jpeg\r\n\r\n"+string(pic[:len(pic)-2]))
			return forever(w, junk, 0)
		}, "too large: more than 16777215 bytes"},
		"zeros, compressed or not": {func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, ok+"Content-Encoding: gzip\r\n\r\n")
			return forever(w, junk, 0)
		}, "64 MB without a whole JPEG"},
		"chunks with long names": {func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, ok+"Transfer-Encoding: chunked\r\n\r\n1;")
			return forever(w, strings.Repeat("x", 1000), 0)
		}, "line too long"},
		"redirects in circles": {func(w io.Writer, _ *http.Request, n int) bool {
			fmt.Fprintf(w, "HTTP/1.1 302 Found\r\nLocation: /%d\r\nSet-Cookie: c%d=x\r\nContent-Length: 0\r\n\r\n", n, n)
			return true
		}, "redirects in circles"},
		"redirect to a file": {func(w io.Writer, _ *http.Request, n int) bool {
			io.WriteString(w, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")
			return true
		}, `redirects to an address of "file"`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, end := rawInMemory(t, tt.camera, Options{})
				defer end()
				start := time.Now()
				err := failure(src)
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v, want one that says %q", err, tt.says)
				}
				if took := time.Since(start); took > pictureTime+silence {
					t.Errorf("it took %v", took)
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				if m.HeapInuse > 200<<20 {
					t.Errorf("%d MiB in use", m.HeapInuse>>20)
				}
			})
		})
	}
}

// What cameras set is bounded, and another host does not get it.
func TestCookies(t *testing.T) {
	var c cookies
	camera, _ := parseCameraURL("http://camera/")
	other, _ := parseCameraURL("http://other/")
	for i := range 10_000 {
		name := fmt.Sprintf("c%x", binary.BigEndian.AppendUint32(nil, uint32(i)))
		c.SetCookies(camera, []*http.Cookie{{Name: name, Value: "x"}})
		if got := c.Cookies(camera); len(got) == 0 || len(got) > 100 || len(c.Cookies(other)) > 0 {
			t.Fatalf("%d cookies after %d were set, and %d for another host", len(got), i+1, len(c.Cookies(other)))
		}
	}
}
