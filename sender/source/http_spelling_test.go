package source

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answersOf returns the answers of cameras that write HTTP in a way of their own, each with pic in it.
func answersOf(pic []byte) map[string]string {
	p, n := string(pic), len(pic)
	length := fmt.Sprintf("Content-Length: %d\r\n", n)
	const ok, kind = "HTTP/1.1 200 OK\r\n", "Content-Type: image/jpeg\r\n"
	body := "\r\n" + p
	usual := kind + length + body
	chunk := func(format string) string { return fmt.Sprintf(format, n, p) }
	const chunked = ok + kind + "Transfer-Encoding: chunked\r\n\r\n"
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(pic)
	w.Close()
	return map[string]string{
		"status line in small letters":  "http/1.1 200 ok\r\n" + usual,
		"no words behind the status":    "HTTP/1.1 200\r\n" + usual,
		"spaces in the status line":     "HTTP/1.0   200  OK \r\n" + usual,
		"no space behind the version":   "HTTP/1.1200 OK\r\n" + usual,
		"no version":                    "HTTP 200 OK\r\n" + usual,
		"HTTP/2.0":                      "HTTP/2.0 200 OK\r\n" + usual,
		"HTTP/1":                        "HTTP/1 200 OK\r\n" + usual,
		"no number":                     "HTTP/1.1 OK\r\n" + usual,
		"no space behind the number":    "HTTP/1.1 200OK\r\n" + usual,
		"a tab":                         "HTTP/1.1\t200\tOK\r\n" + usual,
		"ICY":                           "ICY 200 OK\r\n" + usual,
		"two status lines":              ok + ok + usual,
		"201":                           "HTTP/1.1 201 Created\r\n" + usual,
		"blank lines before":            "\r\n\r\n" + ok + usual,
		"interim answers":               "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok + usual,
		"no header at all":              p,
		"parts without a header":        string(savedStream(pic)),
		"fields without a status line":  usual,
		"Latin-1 in the status line":    "HTTP/1.1 200 Tout \xe9tait bien\r\n" + usual,
		"bare newlines":                 strings.ReplaceAll(ok+kind+length+"\r\n", "\r", "") + p,
		"mixed line ends":               "HTTP/1.1 200 OK\n" + kind + "Content-Length: " + fmt.Sprint(n) + "\n\r\n" + p,
		"a carriage return too many":    strings.ReplaceAll(ok+kind+length+"\r\n", "\r", "\r\r") + p,
		"no blank line":                 ok + kind + length + p,
		"a line without a colon":        ok + "Tue 12 Jun 2012\r\n" + usual,
		"a line without a name":         ok + "Tue, 12 Jun 2012 01:56:34 GMT\r\n" + usual,
		"an empty name":                 ok + ": x\r\n" + usual,
		"a space before the colon":      ok + "Content-Type : image/jpeg\r\nContent-Length : " + fmt.Sprint(n) + "\r\n" + body,
		"a space before the name":       ok + " Server: x\r\n" + usual,
		"no space behind the colon":     ok + fmt.Sprintf("Content-Type:image/jpeg\r\nContent-Length:%d\r\n", n) + body,
		"a folded field":                ok + "Content-Type: multipart/x-mixed-replace;\r\n boundary=b\r\n" + length + body,
		"a field that is folded thrice": ok + "X: a\r\n\tb\r\n  c\r\n d\r\n" + usual,
		"odd bytes in a name":           ok + "X-\xe9\x01: y\r\n" + usual,
		"odd bytes in a value":          ok + "X-Name: \xff\x00\x1b[31m\r\n" + usual,
		"a long field":                  ok + "X: " + strings.Repeat("x", 30<<10) + "\r\n" + usual,
		"500 fields":                    ok + strings.Repeat("X: y\r\n", 500) + usual,
		"types that differ":             ok + "Content-Type: text/html\r\n" + usual,
		"two types in a line":           ok + "Content-Type: text/html, image/jpeg\r\n" + length + body,
		"a type of nonsense":            ok + "Content-Type: image/jpeg;;=\"\r\n" + length + body,
		"a type in capitals":            ok + "CONTENT-TYPE: IMAGE/JPEG\r\n" + length + body,
		"no type":                       ok + length + body,
		"empty type":                    ok + "Content-Type:\r\n" + length + body,
		"called pjpeg":                  ok + "Content-Type: image/pjpeg\r\n" + length + body,
		"called text":                   ok + "Content-Type: text/plain\r\n" + length + body,
		"called a page":                 ok + "Content-Type: text/html\r\n" + length + body,
		"called PNG":                    ok + "Content-Type: image/png\r\n" + length + body,
		"called JSON":                   ok + "Content-Type: application/json\r\n" + length + body,
		"called a film":                 ok + "Content-Type: video/mp4\r\n" + length + body,
		"empty length":                  ok + kind + "Content-Length:\r\n" + body,
		"length of words":               ok + kind + "Content-Length: unknown\r\n" + body,
		"length and words":              ok + kind + fmt.Sprintf("Content-Length: %d bytes\r\n", n) + body,
		"negative length":               ok + kind + "Content-Length: -1\r\n" + body,
		"huge length":                   ok + kind + "Content-Length: 99999999999999999999\r\n" + body,
		"doubled length":                ok + length + usual,
		"lengths that differ":           ok + "Content-Length: 10\r\n" + usual,
		"lengths in a line":             ok + kind + fmt.Sprintf("Content-Length: %d, %d\r\n", n, n) + body,
		"length too small":              ok + kind + fmt.Sprintf("Content-Length: %d\r\n", n-300) + body,
		"length too large":              ok + kind + fmt.Sprintf("Content-Length: %d\r\n", n+300) + body,
		"stream of length 0":            ok + "Content-Type: multipart/x-mixed-replace\r\nContent-Length: 0\r\n\r\n" + string(savedStream(pic)),
		"coding: identity":              ok + "Transfer-Encoding: identity\r\n" + usual,
		"coding: binary":                ok + "Transfer-Encoding: binary\r\n" + usual,
		"coding: none":                  ok + "Transfer-Encoding:\r\n" + usual,
		"chunks that are none":          ok + "Transfer-Encoding: chunked\r\n" + usual,
		"chunks":                        chunked + chunk("%x\r\n%s\r\n0\r\n\r\n"),
		"chunks and a length": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: Chunked\r\n\r\n" +
			chunk("%x\r\n%s\r\n0\r\n\r\n"),
		"chunks in capitals":         chunked + chunk("%X\r\n%s\r\n0\r\n\r\n"),
		"chunks with zeros":          chunked + chunk("0000%x\r\n%s\r\n0000\r\n\r\n"),
		"chunks with 0x":             chunked + chunk("0x%x\r\n%s\r\n0\r\n\r\n"),
		"chunks with spaces":         chunked + chunk("  %x  \r\n%s\r\n0\r\n\r\n"),
		"chunks with extensions":     chunked + chunk("%x;a=b\r\n%s\r\n0;x\r\n\r\n"),
		"chunks with trailers":       chunked + chunk("%x\r\n%s\r\n0\r\nX: y\r\n\r\n"),
		"chunks, bare newlines":      chunked + chunk("%x\n%s\n0\n\n"),
		"chunks, no newline between": chunked + chunk("%x\r\n%s0\r\n\r\n"),
		"chunks without an end":      chunked + chunk("%x\r\n%s\r\n"),
		"no end behind a chunk":      chunked + chunk("%x\r\n%s"),
		"a chunk too long":           chunked + fmt.Sprintf("%x\r\n%s", n+100, p),
		"chunks of a byte":           chunked + strings.Repeat("1\r\n\x00\r\n", 3) + chunk("%x\r\n%s\r\n0\r\n\r\n"),
		"gzip":                       ok + kind + fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", zipped.Len(), &zipped),
		"gzip, not said":             ok + kind + "\r\n" + zipped.String(),
		"gzip that is none":          ok + "Content-Encoding: gzip\r\n" + usual,
		"stray bytes behind":         ok + usual + "\r\n\r\n\x00",
		"another picture behind":     ok + usual + p[:500],
		"text before the picture":    ok + kind + fmt.Sprintf("Content-Length: %d\r\n\r\n\r\n--b\r\n\r\n%s", n+9, p),
		"zeros before the picture":   ok + kind + fmt.Sprintf("Content-Length: %d\r\n\r\n%s%s", n+4, "\x00\x00\x00\x00", p),
		"no EOI":                     ok + kind + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", n-2, p[:n-2]),
		"no EOI, no length":          ok + kind + "\r\n" + p[:n-2],
		"kept open, which is not so": ok + "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n" + usual,
		"closed, which is so":        ok + "Connection: Close\r\n" + usual,
		"HTTP/1.0, kept open":        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + usual,
	}
}

// A camera that curl, ffmpeg or djpeg can read works, whether it closes the connection behind its answer or not. Nothing is
// counted as left out, nothing is logged but that pictures come, and the rate is that of the user.
func TestCameraSpelling(t *testing.T) {
	pic := street(t)[4]
	for name, answer := range answersOf(pic) {
		for _, stays := range []bool{false, true} {
			if stays && (name == "stream of length 0" || name == "no EOI, no length") {
				continue // then nothing says that the picture is over
			}
			t.Run(fmt.Sprintf("%s, stays %v", name, stays), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					log, requests := logged{}, 0
					src, end := rawInMemory(t, func(w io.Writer, _ *http.Request, n int) bool {
						requests = n
						io.WriteString(w, answer)
						return stays
					}, Options{FPS: 2, Log: log.logger()})
					defer end()
					start := time.Now()
					equal(t, collect(t, src, 6), bytesRepeated(pic, 6)...)
					took := time.Since(start)
					if took < 5*time.Second/2 || took > 12*time.Second || requests > 8 {
						t.Errorf("6 pictures at 2 a second took %v and %d requests", took, requests)
					}
					if strings.Count(log.String(), "\n") > 1 && name != "length too small" {
						t.Errorf("logged %s", log.String())
					}
				})
			})
		}
	}
}

// Redirects to addresses that are oddly written are followed.
func TestCameraRedirects(t *testing.T) {
	pic := street(t)[4]
	for location, want := range map[string]string{
		"/video":                "/video",
		"video":                 "/video",
		"//camera/video":        "/video",
		"http://camera/video":   "/video",
		"HTTP://CAMERA/video":   "/video",
		"http://camera:80/v":    "/v",
		"/a b":                  "/a%20b",
		"/100%":                 "/100%25",
		"/%zz?%":                "/%25zz?%25",
		"/caf\xe9":              "/caf%E9",
		"?id=1":                 "/?id=1",
		"/video#top":            "/video",
		"http://[::1]:80/video": "/video",
		"/a|b{c}":               "/a%7Cb%7Bc%7D",
		"  /video  ":            "/video",
	} {
		for _, status := range []string{"301 Moved", "302", "303 See Other", "307 T", "308 P"} {
			synctest.Test(t, func(t *testing.T) {
				seen := ""
				src, end := rawInMemory(t, func(w io.Writer, r *http.Request, n int) bool {
					if n == 1 {
						fmt.Fprintf(w, "HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 3\r\n\r\nxyz", status, location)
						return true
					}
					seen = r.RequestURI
					fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(pic), pic)
					return true
				}, Options{})
				defer end()
				if collect(t, src, 1); seen != want {
					t.Errorf("%s %q: asked for %q, want %q", status, location, seen, want)
				}
			})
		}
	}
}

// The reason that is shown is the real one.
func TestCameraReasons(t *testing.T) {
	for answer, says := range map[string]string{
		"SSH-2.0-OpenSSH_9.2\r\n\r\n":      `does not speak HTTP: it begins with "SSH-2.0-OpenSSH_9.2"`,
		"RTSP/1.0 400 Bad Request\r\n\r\n": "it speaks RTSP on this port",
		"\x15\x03\x01\x00\x02\x02\x46":     "it speaks https on this port",
		"":                                 "it hangs up without an answer",
		"HTTP/1.1 404 Nope\r\n\r\n":        "404 Not Found",
		"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm=x\r\n\r\n": "--header 'Authorization: Bearer TOKEN'",
		"http/1.1 401\r\n\r\n": "401 Unauthorized",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nno camera":              `only text: "no camera"`,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"busy\": true}": `only text: "{\"busy\": true}"`,
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Log in</html>":     "text/html instead of pictures",
		"HTTP/1.1 200 OK\r\n\r\n": "its answer is empty",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabczz\r\n": "chunks that cannot be read",
	} {
		synctest.Test(t, func(t *testing.T) {
			src, end := rawInMemory(t, func(w io.Writer, _ *http.Request, _ int) bool {
				io.WriteString(w, answer)
				return false
			}, Options{})
			defer end()
			if err := failure(src); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %v, want %q", answer, err, says)
			}
		})
	}
}

// A camera may send two fields for a picture (AVI1). The first is taken, and that is said once.
func TestCameraFields(t *testing.T) {
	pics := street(t)
	field := func(pic []byte, polarity string) []byte {
		return slices.Insert(bytes.Clone(pic), 2, []byte("\xff\xe0\x00\x10AVI1"+polarity+strings.Repeat("\x00", 9))...)
	}
	odd, even := field(pics[4], "\x01"), field(pics[5], "\x02")
	synctest.Test(t, func(t *testing.T) {
		log := logged{}
		src, end := rawInMemory(t, func(w io.Writer, _ *http.Request, _ int) bool {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n")
			for err := error(nil); err == nil; time.Sleep(time.Second) {
				_, err = w.Write(savedStream(slices.Concat(odd, even)))
			}
			return false
		}, Options{Log: log.logger()})
		defer end()
		equal(t, collect(t, src, 5), bytesRepeated(odd, 5)...)
		if strings.Count(log.String(), "two fields") != 1 {
			t.Errorf("logged %s", log.String())
		}
	})
}

// Patience is for slow cameras: those that are slower than all others need it, and it ends what takes longer.
func TestCameraPatience(t *testing.T) {
	pic := street(t)[4]
	slow := func(every time.Duration) rawCamera {
		return func(w io.Writer, _ *http.Request, number int) bool {
			io.WriteString(w, "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n")
			for number == 1 { // a second connection would show that the first was given up
				time.Sleep(every)
				if _, err := w.Write(savedStream(pic)); err != nil {
					break
				}
			}
			return false
		}
	}
	snapshot := func(w io.Writer, _ *http.Request, _ int) bool {
		time.Sleep(20 * time.Second)
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s", len(pic), pic)
		return true
	}
	for name, tt := range map[string]struct {
		camera   rawCamera
		patience time.Duration
		took     time.Duration // for 5 pictures; 0 if it fails
		fails    time.Duration
	}{
		"a picture every 12 s":               {slow(12 * time.Second), 0, 60 * time.Second, 0},
		"every 29 s":                         {slow(29 * time.Second), 0, 145 * time.Second, 0},
		"every 2 minutes":                    {slow(2 * time.Minute), 0, 0, pictureTime},
		"every 2 minutes, with patience":     {slow(2 * time.Minute), 3 * time.Minute, 10 * time.Minute, 0},
		"every 12 s, without patience":       {slow(12 * time.Second), 5 * time.Second, 0, 5 * time.Second},
		"a snapshot that takes 20 s":         {snapshot, 0, 100 * time.Second, 0},
		"the same, and there is not so much": {snapshot, 15 * time.Second, 0, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, end := rawInMemory(t, tt.camera, Options{Patience: tt.patience})
				defer end()
				start := time.Now()
				if tt.took > 0 {
					collect(t, src, 5)
					if took := time.Since(start); took < tt.took || took > tt.took+time.Second {
						t.Errorf("5 pictures took %v, want %v", took, tt.took)
					}
					return
				}
				err := failure(src)
				took := time.Since(start)
				if err == nil || !strings.Contains(err.Error(), "--patience") || took > tt.fails+time.Second {
					t.Errorf("%v after %v, want one after %v", err, took, tt.fails)
				}
			})
		})
	}
}
