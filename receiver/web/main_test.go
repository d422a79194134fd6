package web

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

func TestMain(m *testing.M) {
	if os.Getenv(serverProcess) != "" {
		runServer()
		return
	}
	goleak.VerifyTestMain(withChromium{m})
}

// withChromium ends the tests' browser after the tests.
type withChromium struct{ *testing.M }

func (m withChromium) Run() int {
	defer func() { endChromium() }()
	return m.M.Run()
}

// hang is how long a test waits for something that should come at once.
const hang = time.Minute

// picture returns one of the eight test pictures: 1 to 4 are 768 × 576, 5 to 8 are 320 × 240.
func picture(t testing.TB, n int) []byte {
	t.Helper()
	jpeg, err := os.ReadFile(fmt.Sprintf("../../protocol/mjpeg/testdata/street/%d.jpg", n))
	if err != nil {
		t.Fatal(err)
	}
	return jpeg
}

// epoch is when the first frame of a test is taken; the others follow a microsecond apart.
var epoch = time.Unix(1_700_000_000, 0)

// frame returns a frame of the unnamed stream, taken i microseconds after epoch.
func frame(i int, jpeg []byte) protocol.Frame {
	return protocol.Frame{ID: uint32(i), Captured: epoch.Add(time.Duration(i) * time.Microsecond), JPEG: jpeg}
}

// quiet is a configuration that logs nothing.
func quiet(c Config) Config {
	c.Log = slog.New(slog.DiscardHandler)
	return c
}

// serve serves a server on a port of 127.0.0.1 until the test ends, and returns its address.
func serve(t testing.TB, h *Server) (addr string) {
	t.Helper()
	ln, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, h, ln)
	return ln.Addr().String()
}

func serveOn(t testing.TB, h *Server, ln net.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A client is a viewer that reads the stream off its connection, without an HTTP client's help.
type client struct {
	net.Conn
	in     *bufio.Reader
	status string
	header http.Header
}

// watch opens the stream at a path.
func watch(t testing.TB, addr, path string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(hang))
	c, err := request(conn, path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// request sends a request for a stream and reads the head of the answer, the first boundary included.
func request(conn net.Conn, path string) (*client, error) {
	c := &client{Conn: conn, in: bufio.NewReader(conn)}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		return nil, err
	}
	var err error
	if c.status, err = c.in.ReadString('\n'); err != nil {
		return nil, err
	}
	if c.header, err = c.readHeader(); err != nil || !strings.Contains(c.status, "200") {
		return c, err
	}
	return c, c.expect(mjpeg.BoundaryLine)
}

// next reads a part and the boundary behind it.
func (c *client) next() (header http.Header, jpeg []byte, err error) {
	if header, err = c.readHeader(); err != nil {
		return nil, nil, err
	}
	size, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		return nil, nil, err
	}
	jpeg = make([]byte, size)
	if _, err = io.ReadFull(c.in, jpeg); err != nil {
		return nil, nil, err
	}
	return header, jpeg, c.expect(mjpeg.PartEnd)
}

func (c *client) readHeader() (http.Header, error) {
	header := http.Header{}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line == "\r\n" {
			return header, nil
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\r\n"), ": ")
		header.Add(name, value)
	}
}

func (c *client) expect(text string) error {
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c.in, got); err != nil {
		return err
	}
	if !bytes.Equal(got, []byte(text)) {
		return fmt.Errorf("%q instead of %q", got, text)
	}
	return nil
}

// index returns which frame a part holds, by its X-Timestamp.
func index(header http.Header) int {
	seconds, micros, _ := strings.Cut(header.Get("X-Timestamp"), ".")
	s, err1 := strconv.ParseInt(seconds, 10, 64)
	us, err2 := strconv.ParseInt(micros, 10, 64)
	if err1 != nil || err2 != nil || len(micros) != 6 {
		return -1
	}
	return int((s-epoch.Unix())*1e6 + us)
}

// eventually waits until a condition holds. It asks again and again.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(hang); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", hang, what)
		}
	}
}
