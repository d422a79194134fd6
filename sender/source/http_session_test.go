package source

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Cameras that are busy at first, or want their cookie back, work: also where they say so in other ways than most.
func TestCameraComesRound(t *testing.T) {
	pic := street(t)[4]
	snapshot := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s", len(pic), pic)
	busy := func(answer string) rawCamera {
		return func(w io.Writer, _ *http.Request, n int) bool {
			if n < 5 {
				io.WriteString(w, answer)
				return strings.Contains(answer, "Length")
			}
			io.WriteString(w, snapshot)
			return true
		}
	}
	cookie := func(answer string) rawCamera {
		return func(w io.Writer, r *http.Request, _ int) bool {
			if strings.Contains(r.Header.Get("Cookie"), "sid=a") {
				io.WriteString(w, snapshot)
			} else {
				io.WriteString(w, answer)
			}
			return true
		}
	}
	const ok, empty = "HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 0\r\n\r\n"
	for name, camera := range map[string]rawCamera{
		"text":                    busy(ok + "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nBusy"),
		"text, closed":            busy(ok + "Content-Type: text/plain\r\n\r\nDevice Busy"),
		"text called a page":      busy(ok + "Content-Type: text/html\r\nContent-Length: 11\r\n\r\nDevice Busy"),
		"JSON":                    busy(ok + "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"busy\": \"yes\"}"),
		"XML":                     busy(ok + "Content-Type: application/xml\r\nContent-Length: 12\r\n\r\n<status>busy"),
		"nothing":                 busy(ok + "Content-Length: 0\r\n\r\n"),
		"nothing, called picture": busy(ok + "Content-Type: image/jpeg" + empty),
		"hung up":                 busy(""),
		"half a header":           busy("HTTP/1.1 200 OK\r\nContent-Ty"),
		"503":                     busy("HTTP/1.1 503 Busy\r\nRetry-After: 1" + empty),
		"429":                     busy("HTTP/1.1 429 Too Many" + empty),
		"cookie over a redirect":  cookie("HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: sid=a; path=/" + empty),
		"to the same address":     cookie("HTTP/1.1 302\r\nLocation: /\r\nSet-Cookie: sid=a; HttpOnly; SameSite=Lax" + empty),
		"cookies in two fields":   cookie("HTTP/1.1 307\r\nLocation: /\r\nset-cookie: x=\"\xff\r\nset-cookie:sid=a" + empty),
		"for its own name":        cookie("HTTP/1.1 302\r\nLocation: /\r\nSet-Cookie: sid=a; domain=camera" + empty),
		"with an odd date":        cookie("HTTP/1.1 302\r\nLocation: /\r\nSet-Cookie: sid=a; expires=soon; Max-Age=x" + empty),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, end := rawInMemory(t, camera, Options{})
				defer end()
				start := time.Now()
				equal(t, collect(t, src, 3), bytesRepeated(pic, 3)...)
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Snapshots come over one connection as long as the camera keeps it, and nothing is lost when it does not.
func TestCameraKeepsConnection(t *testing.T) {
	pic := street(t)[4]
	for name, tt := range map[string]struct {
		behind      string // each answer
		most        int    // answers of a connection
		connections int    // for 12 pictures
	}{
		"kept":                        {"", 100, 1},
		"line ends between":           {"\r\n", 100, 1},
		"zeros between":               {"\x00\x00", 100, 1},
		"closed after four":           {"", 4, 3},
		"something else between":      {"rest of a picture \xff\xd8", 100, 12},
		"another answer that is none": {"\r\nX-Late: field\r\n\r\n", 100, 12},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var connections atomic.Int32
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					connections.Add(1)
					go func() {
						defer conn.Close()
						in := bufio.NewReader(conn)
						for range tt.most {
							if _, err := http.ReadRequest(in); err != nil {
								return
							}
							const ok = "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
							fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s%s", ok, len(pic), pic, tt.behind)
						}
					}()
				}
			}()
			log := logged{}
			src := open(t, "http://"+l.Addr().String(), Options{Log: log.logger(), FPS: 100})
			equal(t, collect(t, src, 12), bytesRepeated(pic, 12)...)
			if n := connections.Load(); n > int32(tt.connections)+1 {
				t.Errorf("%d connections", n)
			}
			if strings.Count(log.String(), "\n") != 1 {
				t.Errorf("logged %s", log.String())
			}
		})
	}
}

// Addresses of IPv6 work, and the camera is told its own name without a zone.
func TestCameraIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	pic := street(t)[4]
	var host atomic.Value
	tells := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host.Store(r.Host)
		answer{kind: "image/jpeg", body: pic}.ServeHTTP(w, r)
	})
	camera := &httptest.Server{Listener: l, Config: &http.Server{Handler: tells}}
	camera.Start()
	defer camera.Close()
	for _, zone := range []string{"", "%25lo"} {
		address := strings.Replace(l.Addr().String(), "]", zone+"]", 1)
		equal(t, collect(t, open(t, "http://"+address+"/a b", Options{}), 1), pic)
		if host.Load() != l.Addr().String() {
			t.Errorf("%s: the camera is called %v", address, host.Load())
		}
	}
}
