package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"udpcam/internal/guard"
)

// Clients that ask for much and read nothing: the kernel holds little for each, and nothing once their time is over, also if
// the connection was to end with the answer. Whoever reads gets all of it meanwhile.
func TestUnreadAnswers(t *testing.T) {
	const clients, picture = 40, 1_500_000
	large := padded(t, picture)
	for name, text := range map[string]string{
		"snapshots":         "GET /snapshot.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"snapshots at once": strings.Repeat("GET /?action=snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n", 10),
		"HTTP 1.0":          "GET /snapshot HTTP/1.0\r\nHost: localhost\r\n\r\n",
		"streams":           "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"metrics":           strings.Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 100),
		"metrics, 1.0":      "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n",
		"errors":            strings.Repeat("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			h := New(quiet(Config{StallTimeout: 2 * time.Second}))
			addr := serve(t, h)
			h.Put(frame(0, large))
			for i := range 63 {
				put(h, fmt.Sprint("camera ", i), large[:1000])
			}
			small := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
				return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
			}, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
			for range clients {
				conn, err := small.DialContext(t.Context(), "tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.SetWriteDeadline(time.Now().Add(time.Second))
				io.WriteString(conn, text) // as much as the server takes
			}
			most, began := 0, time.Now()
			eventually(t, "the kernel holds nothing any more", func() bool {
				r, err := http.Get("http://" + addr + "/snapshot.jpg")
				if err != nil {
					t.Fatal(err)
				}
				defer r.Body.Close()
				if got, err := io.ReadAll(r.Body); r.StatusCode != 200 || !bytes.Equal(got, large) {
					t.Fatalf("whoever reads gets %s, %d bytes, %v", r.Status, len(got), err)
				}
				held := heldFor(t, addr)
				most = max(most, held)
				return held == 0 && time.Since(began) > 500*time.Millisecond
			})
			t.Logf("the kernel held %d kB for a client", most/clients/1000)
			if most > clients*(2*guard.MaxUnsent) {
				t.Errorf("the kernel held %d bytes for %d clients", most, clients)
			}
		})
	}
}

// A client that closes the connection behind its answer, and is slow, gets all of it.
func TestSlowClientOfHTTP10(t *testing.T) {
	h := New(quiet(Config{}))
	addr := serve(t, h)
	large := padded(t, 600_000)
	h.Put(frame(0, large))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(100_000)
	io.WriteString(conn, "GET /snapshot.jpg HTTP/1.0\r\n\r\n")
	var got []byte
	for b := make([]byte, 20_000); err == nil; time.Sleep(10 * time.Millisecond) {
		var n int
		n, err = conn.Read(b)
		got = append(got, b[:n]...)
	}
	if err != io.EOF || !bytes.HasSuffix(got, large) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A program's own HTTP server bounds the same, if it uses ConnContext.
func TestUnreadAnswersOfOtherServer(t *testing.T) {
	h := New(quiet(Config{StallTimeout: time.Second}))
	h.Put(frame(0, padded(t, 1_500_000)))
	ln, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ConnContext: h.ConnContext}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	defer func() { server.Shutdown(context.Background()); <-ended }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /snapshot.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
	eventually(t, "it is given up", func() bool { return h.Stats().Stalled == 1 && heldFor(t, ln.Addr().String()) == 0 })
}

// padded returns a JPEG of so many bytes.
func padded(t *testing.T, size int) []byte {
	jpeg := picture(t, 5)
	b := append([]byte{}, jpeg[:2]...)
	for size-len(b)-len(jpeg) > 70_000 {
		b = append(b, 0xFF, 0xFE, 0xFF, 0xFF)
		b = append(b, make([]byte, 65_533)...)
	}
	return append(b, jpeg[2:]...)
}

// heldFor returns how many bytes the kernel holds for the clients of a server, also for those whose connection the server
// has closed.
func heldFor(t *testing.T, addr string) (bytes int) {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", n)) {
			queued, _ := strconv.ParseInt(strings.Split(fields[4], ":")[0], 16, 64)
			bytes += int(queued)
		}
	}
	return bytes
}
