package web

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Over HTTP/2, and behind a middleware that hides the connection, the server cannot take the connection over. The stream is
// the same.
func TestUnhijacked(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		t.Run(fmt.Sprintf("http2=%t", http2), func(t *testing.T) {
			h := New(quiet(Config{}))
			server := httptest.NewUnstartedServer(hideConn(h))
			server.EnableHTTP2 = http2
			server.StartTLS()
			defer server.Close()
			r, err := server.Client().Get(server.URL + "/stream")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if want := map[bool]int{true: 2, false: 1}[http2]; r.ProtoMajor != want {
				t.Fatalf("HTTP/%d", r.ProtoMajor)
			}
			c := &client{in: bufio.NewReader(r.Body)}
			if err := c.expect("--boundarydonotcross\r\n"); err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				jpeg := picture(t, 1+i)
				h.Put(frame(i, jpeg))
				if err := expectFrame(c, i, jpeg); err != nil {
					t.Fatal(err)
				}
			}
			r.Body.Close()
			eventually(t, "the viewer has gone", func() bool { return h.Stats().Viewers == 0 })
		})
	}
}

// hideConn is a middleware that lets a handler flush and set deadlines, but not take over the connection.
func hideConn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(hidden{w}, r)
	})
}

type hidden struct{ http.ResponseWriter }

func (h hidden) FlushError() error { return http.NewResponseController(h.ResponseWriter).Flush() }

func (h hidden) SetWriteDeadline(at time.Time) error {
	return http.NewResponseController(h.ResponseWriter).SetWriteDeadline(at)
}

// A viewer that stalls is closed in these cases too.
func TestUnhijackedStalls(t *testing.T) {
	h := New(quiet(Config{StallTimeout: 100 * time.Millisecond}))
	server := httptest.NewServer(hideConn(h))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	play(t, h, picture(t, 1))
	eventually(t, "the viewer is closed", func() bool { return h.Stats().Stalled == 1 })
}

// Over TLS with HTTP/1 the connection is taken over as without.
func TestHijackedOverTLS(t *testing.T) {
	h := New(quiet(Config{}))
	server := httptest.NewTLSServer(h)
	defer server.Close()
	defer h.Close() // the server does not close connections that were taken over
	r, err := server.Client().Get(server.URL + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.ContentLength != -1 || len(r.TransferEncoding) > 0 || !r.Close {
		t.Error("the response was not written by the viewer itself")
	}
	jpeg := picture(t, 1)
	h.Put(frame(0, jpeg))
	c := &client{in: bufio.NewReader(r.Body)}
	if err := errors.Join(c.expect("--boundarydonotcross\r\n"), expectFrame(c, 0, jpeg)); err != nil {
		t.Error(err)
	}
}

// If the response cannot be flushed, there is no stream, and the log says why.
func TestNoConnection(t *testing.T) {
	h := New(quiet(Config{}))
	w := httptest.NewRecorder()
	h.ServeHTTP(struct{ http.ResponseWriter }{w}, httptest.NewRequest("GET", "http://localhost/stream", nil))
	if w.Code != http.StatusInternalServerError {
		t.Error(w.Code, w.Body)
	}
}

// Writing a part allocates nothing, and does not copy the picture.
func TestWriteAllocatesNothing(t *testing.T) {
	ln, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err == nil {
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	out, err := newHijacked(conn, http.Header{}, fullFraming, hang)
	if err != nil {
		t.Fatal(err)
	}
	jpeg := picture(t, 1)
	p := &part{frame: frame(0, bytes.Clone(jpeg))}
	p.render()
	allocs := testing.AllocsPerRun(200, func() {
		if _, err := out.write(p, time.Now().Add(hang)); err != nil {
			t.Error(err)
		}
	})
	if allocs >= 1 {
		t.Errorf("%v allocations", allocs)
	}
	if !bytes.Equal(p.frame.JPEG, jpeg) {
		t.Error("the picture was changed")
	}
}

// Over HTTP/2, where answers share a connection, one that is not read is given up alone.
func TestUnreadOverHTTP2(t *testing.T) {
	h := New(quiet(Config{StallTimeout: time.Second}))
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	large := append(picture(t, 5), make([]byte, 9<<20)...) // more than the client takes unread
	h.Put(frame(0, large))
	unread, err := server.Client().Get(server.URL + "/snapshot.jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Body.Close()
	eventually(t, "it is given up", func() bool { return h.Stats().Stalled == 1 && h.Stats().Viewers == 0 })
	if _, err := io.Copy(io.Discard, unread.Body); err == nil {
		t.Error("it came whole")
	}
	read, err := server.Client().Get(server.URL + "/snapshot.jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer read.Body.Close()
	if n, err := io.Copy(io.Discard, read.Body); n != int64(len(large)) || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}
