package web

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// from returns a client's end of a connection from an address, such as "192.0.2.7:1000".
func (l *pipeListener) from(address string) net.Conn {
	here, there := net.Pipe()
	l.conns <- comesFrom{there, address}
	return here
}

type comesFrom struct {
	net.Conn
	address string
}

func (c comesFrom) RemoteAddr() net.Addr { return c }
func (c comesFrom) Network() string      { return "tcp" }
func (c comesFrom) String() string       { return c.address }

// ask sends a request from an address and returns the status of the answer, whose body nobody reads.
func (l *pipeListener) ask(t *testing.T, address, path string) (net.Conn, string) {
	t.Helper()
	conn := l.from(address)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	status := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, status); err != nil {
		t.Fatal(err)
	}
	return conn, string(status[9:])
}

// An address takes all places, in every way there is, and holds each as long as it can. Nobody else is kept out, however
// they watch, and those who watched before go on.
func TestAddressTakesAllPlaces(t *testing.T) {
	const places = 64
	ways := []string{"/stream", "/?action=stream", "/video_feed", "/streams/~/stream",
		"/snapshot.jpg", "/?action=snapshot", "/snapshot"}
	for _, attack := range append(ways, "/socket") {
		t.Run(attack[1:], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(quiet(Config{MaxViewers: places}))
				ln := serveInMemory(t, h)
				h.Put(frame(0, picture(t, 1)))
				before, status := ln.ask(t, "192.0.2.1:1", "/stream")
				if status != "200" {
					t.Fatal(status)
				}
				gone := make(chan struct{})
				go func() { io.Copy(io.Discard, before); close(gone) }()

				var held []io.Closer
				defer func() {
					for _, h := range held {
						h.Close()
					}
					time.Sleep(hang) // until takeSlowly has noticed
				}()
				hold := func(host string, n int) {
					for i := range n {
						address := net.JoinHostPort(host, fmt.Sprint(1000+i))
						if attack == "/socket" {
							dial := func(context.Context, string, string) (net.Conn, error) { return ln.from(address), nil }
							client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
							//nolint:bodyclose // there is none
							conn, _, err := websocket.Dial(t.Context(), "ws://localhost/socket", &websocket.DialOptions{HTTPClient: client})
							if err == nil {
								conn.SetReadLimit(1 << 24)
								held = append(held, closer(conn.CloseNow))
								go tab{conn, t}.takeSlowly()
							}
						} else {
							conn, _ := ln.ask(t, address, attack)
							held = append(held, conn)
						}
					}
				}
				play := func() { // until it has been seen for some seconds
					for i := range 100 {
						h.Put(frame(i, picture(t, 1+i%4)))
						time.Sleep(40 * time.Millisecond)
					}
				}
				hold("203.0.113.9", places+20)
				if h.Stats().Viewers != places {
					t.Fatalf("%+v", h.Stats())
				}
				play()
				for i, way := range append(ways, ways...) {
					hold("203.0.113.9", 1) // it never gives up
					conn, status := ln.ask(t, fmt.Sprintf("192.0.2.%d:1", 10+i), way)
					if status != "200" {
						t.Errorf("%s: %s", way, status)
					}
					go io.Copy(io.Discard, conn)
					defer conn.Close()
				}
				play()
				select {
				case <-gone:
					t.Error("who watched before is gone")
				default:
				}
				if s := h.Stats(); s.GaveWay < uint64(len(ways)) {
					t.Errorf("%+v", s)
				}
				before.Close()
			})
		})
	}
}

type closer func() error

func (c closer) Close() error { return c() }

// takeSlowly takes a picture every 8.5 s.
func (tab tab) takeSlowly() {
	for {
		_, b, err := tab.Read(context.Background())
		if err != nil {
			return
		}
		time.Sleep(8500 * time.Millisecond)
		taken := append([]byte{messageTaken, 0, 0, 0}, b[4:8]...)
		if tab.Write(context.Background(), 2, binary.BigEndian.AppendUint32(taken, 0)) != nil {
			return
		}
	}
}

// Users behind one address have all places, as long as nobody else wants one. Then they have half. They do not drive each
// other out.
func TestPlacesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{MaxViewers: 20}))
		ln := serveInMemory(t, h)
		come := func(address string) string {
			conn, status := ln.ask(t, address, "/stream")
			go io.Copy(io.Discard, conn)
			t.Cleanup(func() { conn.Close() })
			synctest.Wait()
			return status
		}
		have := func() string {
			of := map[string]int{}
			for _, v := range h.viewers.list() {
				of[v.address]++
			}
			return fmt.Sprint(of)
		}
		for i := range 20 {
			if status := come(fmt.Sprintf("198.51.100.1:%d", i)); status != "200" {
				t.Fatal(status)
			}
		}
		if status := come("198.51.100.1:99"); status != "503" {
			t.Error(status)
		}
		refused := 0
		for i := range 30 { // a network of IPv6 counts as one address
			if come(fmt.Sprintf("[2001:db8:0:1:%x::1]:5", i)) == "503" {
				refused++
			}
		}
		if have() != "map[198.51.100.1:10 2001:db8:0:1:::10]" || refused != 20 {
			t.Errorf("%s, %d refused", have(), refused)
		}
		if status := come("[2001:db8:0:2::1]:5"); status != "200" {
			t.Error("another network:", status)
		}
		if status := come("198.51.100.1:99"); status != "503" {
			t.Error("with as many as the other:", status)
		}
	})
}

// Of an address's viewers, the slowest gives way first.
func TestSlowestGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{MaxViewers: 3}))
		ln := serveInMemory(t, h)
		h.Put(frame(0, picture(t, 5)))
		fast, _ := ln.ask(t, "192.0.2.1:1", "/stream")
		go io.Copy(io.Discard, fast)
		time.Sleep(time.Second)
		slow, _ := ln.ask(t, "192.0.2.1:2", "/stream")
		time.Sleep(time.Second)
		page := openTab(t, "localhost", "/socket", func() net.Conn { return ln.from("192.0.2.1:3") })
		go page.takeSlowly()
		time.Sleep(time.Second)
		for i, other := range []net.Conn{slow, nil} {
			if _, status := ln.ask(t, fmt.Sprintf("192.0.2.%d:1", 10+i), "/snapshot"); i == 0 && status != "200" {
				t.Error(status)
			}
			synctest.Wait()
			if other != nil {
				if rest, err := io.ReadAll(other); err != nil || len(rest) > 1000 {
					t.Errorf("the slowest stays: %d bytes, %v", len(rest), err)
				}
			}
		}
		fast.Close()
		page.CloseNow()
		time.Sleep(hang)
	})
}

// A client that never reads its answers, whatever it asks for, does not keep others from theirs.
func TestAnswersAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		for i := range maxAnswers + 50 {
			conn := ln.from(fmt.Sprintf("203.0.113.9:%d", i))
			go fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
			defer conn.Close()
		}
		synctest.Wait()
		if n := h.answers.count(); n != maxAnswers {
			t.Errorf("%d answers are under way", n)
		}
		for _, path := range []string{"/", "/healthz", "/metrics", "/static/page.js", "/api/v1/streams"} {
			want := "200"
			if path == "/healthz" {
				want = "503" // there is no picture
			}
			if _, status := ln.ask(t, "192.0.2.1:1", path); status != want {
				t.Errorf("%s: %s", path, status)
			}
		}
		began := time.Now()
		for h.answers.count() > 0 {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("unread answers have been waited for %v", took)
		}
	})
}

// A body that is announced and does not come holds no connection.
func TestBodyThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{Demo: &Demo{Link: func() DemoLink { return DemoLink{} }}}))
		ln := serveInMemory(t, h)
		for method, wait := range map[string]time.Duration{
			"GET /healthz": 0, "PUT /stream": 0, "GET /snapshot.jpg": snapshotWait, "POST /api/v1/demo": 10 * time.Second,
		} {
			conn, began := ln.dial(), time.Now()
			fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n", method)
			io.Copy(io.Discard, conn)
			if took := time.Since(began); took > wait+time.Second {
				t.Errorf("%s: closed after %v", method, took)
			}
			conn.Close()
		}
	})
}
