package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"udpcam/protocol"
)

// readStdin in the environment makes the test binary a program that reads pictures from standard input.
const readStdin = "SOURCE_TEST_READ_STDIN"

func TestMain(m *testing.M) {
	if os.Getenv(readStdin) != "" {
		printSums()
		return
	}
	goleak.VerifyTestMain(m)
}

// printSums prints the SHA-256 of each picture on standard input.
func printSums() {
	src, err := Open("-", Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for f, err := range src.Frames(context.Background()) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%x\n", sha256.Sum256(f.JPEG))
	}
}

// street returns the pictures of the project's test data: four large ones, then four small.
func street(t testing.TB) [][]byte {
	t.Helper()
	var pics [][]byte
	for i := 1; i <= 8; i++ {
		pic, err := os.ReadFile(filepath.Join("../../protocol/mjpeg/testdata/street", strconv.Itoa(i)+".jpg"))
		if err != nil {
			t.Fatal(err)
		}
		pics = append(pics, pic)
	}
	return pics
}

// open calls Open with a name that must be right. The source logs to the test's log.
func open(t testing.TB, name string, o Options) Source {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	src, err := Open(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// collect returns the first n frames of a source, or all if it ends before. An error fails the test.
func collect(t testing.TB, src Source, n int) []protocol.Frame {
	t.Helper()
	var frames []protocol.Frame
	for f, err := range src.Frames(t.Context()) {
		if err != nil {
			t.Fatalf("after %d frames: %v", len(frames), err)
		}
		frames = append(frames, f.Keep())
		if len(frames) == n {
			break
		}
	}
	return frames
}

// failure returns the error that a source ends with.
func failure(src Source) error {
	for _, err := range src.Frames(context.Background()) {
		if err != nil {
			return err
		}
	}
	return nil
}

// equal fails the test unless frames carry the pictures, byte for byte and in order.
func equal(t testing.TB, frames []protocol.Frame, want ...[]byte) {
	t.Helper()
	if len(frames) != len(want) {
		t.Fatalf("%d frames, want %d", len(frames), len(want))
	}
	for i, f := range frames {
		if !bytes.Equal(f.JPEG, want[i]) {
			t.Errorf("frame %d: %d bytes that differ from the %d that went in", i, len(f.JPEG), len(want[i]))
		}
		if f.Captured.IsZero() || f.ID != 0 || f.Stream != "" {
			t.Errorf("frame %d: %v %d %q, want a time, and ID and stream left to the sender", i, f.Captured, f.ID, f.Stream)
		}
	}
}

// program returns the path of a program. It skips the test if the program is not installed.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// skips counts what a source leaves out. Its add method is an Options.Skip.
type skips struct {
	mu sync.Mutex
	n  map[string]int
}

func (s *skips) add(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == nil {
		s.n = map[string]int{}
	}
	s.n[reason]++
}

// logged is a log to look into.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// A memoryNet is a network in memory, so that connections can be had in simulated time. Its Accept and Dial meet.
type memoryNet struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemoryNet() *memoryNet {
	return &memoryNet{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (m *memoryNet) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *memoryNet) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memoryNet) Close() error   { m.once.Do(func() { close(m.closed) }); return nil }
func (m *memoryNet) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }
