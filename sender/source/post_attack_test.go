package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// quietly is for tests in which much is refused.
func quietly(o Options) Options {
	o.Log = slog.New(slog.DiscardHandler)
	return o
}

// No other web site can post a picture through a visitor's browser. Programs and pages of this server can.
func TestUploadFromOtherSites(t *testing.T) {
	pic := street(t)[4]
	in := newInbox(t, "/upload", quietly(Options{AllowHosts: []string{"camera.lan"}}))
	port := in.url[strings.LastIndex(in.url, ":"):]
	taken := 0
	for _, tt := range []struct {
		method, host, header, value string
		status                      int
	}{
		{"POST", "evil.example", "", "", 403},
		{"POST", "evil.example" + port, "Origin", "http://evil.example" + port, 403}, // its name resolves to this machine
		{"POST", "localhost.evil.example", "", "", 403},
		{"POST", "localhost" + port, "Origin", "http://evil.example", 403},
		{"PUT", "localhost" + port, "Origin", "http://evil.example", 403},
		{"POST", "localhost" + port, "Origin", "http://localhost:1", 403},
		{"POST", "localhost" + port, "Origin", "null", 403},
		{"POST", "localhost" + port, "Sec-Fetch-Site", "cross-site", 403},
		{"POST", "localhost" + port, "Sec-Fetch-Site", "same-site", 403},

		{"POST", "localhost" + port, "", "", 200},
		{"POST", "192.0.2.1" + port, "", "", 200},
		{"POST", "camera.lan", "", "", 200},
		{"POST", "localhost" + port, "Origin", "http://localhost" + port, 200},
		{"PUT", "localhost" + port, "Sec-Fetch-Site", "same-origin", 200},
	} {
		req, _ := http.NewRequest(tt.method, in.url+"/upload", bytes.NewReader(pic))
		req.Host = tt.host
		req.Header.Set("Content-Type", "text/plain") // which browsers send to other sites without asking these
		if tt.header != "" {
			req.Header.Set(tt.header, tt.value)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != tt.status {
			t.Errorf("%s to %s, %s %s: %d, want %d", tt.method, tt.host, tt.header, tt.value, res.StatusCode, tt.status)
		}
		if tt.status == 200 {
			taken++
		}
	}
	http.DefaultClient.CloseIdleConnections()
	in.end()
	equal(t, in.frames, bytesRepeated(pic, taken)...)
}

func bytesRepeated(pic []byte, n int) (pics [][]byte) {
	for range n {
		pics = append(pics, pic)
	}
	return pics
}

// With a password or a token, only who has one of them can post.
func TestUploadLogin(t *testing.T) {
	pic := street(t)[4]
	in := newInbox(t, "", quietly(Options{User: "cam", Password: "secret", Token: "abc"}))
	address := strings.TrimPrefix(in.url, "http://")
	for url, want := range map[string]int{
		"http://" + address + "/":             401,
		"http://cam:wrong@" + address + "/":   401,
		"http://" + address + "/?token=ab":    401,
		"http://cam:secret@" + address + "/":  200,
		"http://" + address + "/x?token=abc":  200,
		"http://cam:secret@" + address + "/?": 200,
	} {
		if status, text := send(t, "POST", url, "", bytes.NewReader(pic)); status != want {
			t.Errorf("%s: %d %s", url, status, text)
		}
	}
	in.end()
	equal(t, in.frames, bytesRepeated(pic, 3)...)
}

// However many connections others open, and whatever they leave undone: a camera that posts one picture after another goes
// on, on a connection that stays, and so does one that connects for each picture.
func TestUploadCrowd(t *testing.T) {
	const post = "POST /upload HTTP/1.1\r\nHost: localhost\r\n"
	pic := street(t)[4]
	for name, says := range map[string]string{
		"idle":             "",
		"slow header":      "POST /upload HTTP/1.1\r\nHo",
		"between requests": "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"stalled":          post + "Content-Length: 9000\r\n\r\n" + string(pic[:8000]),
		"stalled form": post + "Content-Length: 9000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n" +
			"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + string(pic[:99]),
		"stalled chunk": post + "Transfer-Encoding: chunked\r\n\r\nffff\r\n" + string(pic[:99]),
		"no length":     "POST /upload HTTP/1.0\r\nHost: localhost\r\n\r\n" + string(pic[:99]),
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t, "/upload", quietly(Options{}))
			r, w := io.Pipe()
			var stream sync.WaitGroup
			stream.Go(func() {
				if status, text := send(t, "POST", in.url+"/upload", "", r); status != 200 {
					t.Errorf("the camera is answered %d %s", status, text)
				}
			})
			taken := 0
			w.Write(pic)
			for i := range 600 {
				conn, err := net.Dial("tcp", strings.TrimPrefix(in.url, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				io.WriteString(conn, says)
				if i%60 == 59 {
					w.Write(pic)
					if status, text := send(t, "POST", in.url+"/upload", "", bytes.NewReader(pic)); status != 200 {
						t.Errorf("between %d others, a picture is answered %d %s", i+1, status, text)
					}
					taken += 2
				}
			}
			w.Close()
			stream.Wait()
			in.end()
			equal(t, in.frames, bytesRepeated(pic, 1+taken)...)
		})
	}
}

// Large uploads that never end do not fill the memory, and a camera's upload goes on beside them.
func TestUploadMemory(t *testing.T) {
	pic := street(t)[4]
	in := newInbox(t, "", quietly(Options{}))
	half := append(bytes.Clone(pic[:len(pic)/2]), make([]byte, 7<<20)...) // the rest of the scan does not end
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 40 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(in.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", protocol.MaxFrameSize)
		conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		conn.Write(half)
		if status, text := send(t, "POST", in.url, "", bytes.NewReader(pic)); status != 200 {
			t.Errorf("beside %d large uploads, a picture is answered %d %s", i+1, status, text)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int(after.HeapAlloc-before.HeapAlloc) >> 20; grown > 160 {
		t.Errorf("%d MiB for uploads that do not end", grown)
	}
	in.end()
	equal(t, in.frames, bytesRepeated(pic, 40)...)
}

// from is a connection that comes from an address.
type from struct {
	net.Conn
	ip string
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.ip), Port: 1000} }

// Somebody posts on fifty connections at once, to a caller who takes ten pictures a second. Another camera has every second
// one of them, or nearly.
func TestUploadTurns(t *testing.T) {
	pic, other := street(t)[4], street(t)[5]
	synctest.Test(t, func(t *testing.T) {
		network := newMemoryNet()
		src := open(t, "post://:80/", quietly(Options{})).(*upload)
		src.listen = func(context.Context, string) (net.Listener, error) { return network, nil }
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			for range src.Frames(ctx) {
				time.Sleep(100 * time.Millisecond)
			}
		})
		client := func(ip string) *http.Client {
			return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				select {
				case network.conns <- from{far, ip}:
					return near, nil
				case <-network.closed:
					return nil, net.ErrClosed
				}
			}}}
		}
		post := func(c *http.Client, pic []byte) (status int) {
			res, err := c.Post("http://localhost/", "", bytes.NewReader(pic))
			if err != nil {
				return 0
			}
			res.Body.Close()
			return res.StatusCode
		}
		stranger, camera := client("192.0.2.1"), client("192.0.2.2")
		for range 50 {
			running.Go(func() {
				for ctx.Err() == nil {
					post(stranger, other)
				}
			})
		}
		time.Sleep(time.Second)
		start := time.Now()
		for range 20 {
			if status := post(camera, pic); status != 200 {
				t.Errorf("the camera is answered %d", status)
			}
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("20 pictures took %v", took)
		}
		cancel()
		running.Wait()
		stranger.CloseIdleConnections()
		camera.CloseIdleConnections()
	})
}
