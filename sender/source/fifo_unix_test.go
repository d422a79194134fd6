//go:build unix

package source

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"udpcam/protocol"
)

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "frames")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	return path
}

func TestFIFO(t *testing.T) {
	path, pics := fifo(t), street(t)
	go func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Close()
		w.Write(bytes.Join(pics, nil))
	}()
	src := open(t, path, Options{})
	if src.OnDemand() {
		t.Error("a named pipe is not to be closed while its writer writes")
	}
	equal(t, collect(t, src, -1), pics...)
}

// A read that waits for input must end with the context, with no goroutine left behind.
func TestFIFOCancelReading(t *testing.T) {
	path := fifo(t)
	both, err := os.OpenFile(path, os.O_RDWR, 0) // keeps the pipe
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	pics := street(t)
	cancelPipe(t, open(t, path, Options{}).(*pipe), both)
	both.Write(pics[5][100:]) // what came after is still there for the next reader
	rest := make([]byte, 10)
	if n, _ := both.Read(rest); n != len(rest) {
		t.Errorf("%d bytes left in the pipe", n)
	}
}

// A writer may write pictures and leave before anybody reads them.
func TestFIFOWriterGone(t *testing.T) {
	path, pics := fifo(t), street(t)
	both, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	both.Write(pics[4])
	var frames []protocol.Frame
	for f, err := range open(t, path, Options{}).Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f.Keep())
		both.Close()
	}
	equal(t, frames, pics[4])
}

// The wait for a writer that never comes must end with the context too.
func TestFIFOCancel(t *testing.T) {
	src := open(t, fifo(t), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range src.Frames(ctx) {
		t.Fatal(err)
	}
}

func TestFIFOOptions(t *testing.T) {
	if _, err := Open(fifo(t), Options{Loop: true}); !errors.Is(err, ErrOption) {
		t.Errorf("error %v, want %v", err, ErrOption)
	}
}
