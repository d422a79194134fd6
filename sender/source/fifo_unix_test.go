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
