package rawfd_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/internal/rawfd"
)

// pipe returns both ends of a pipe.
func pipe(t *testing.T) (r, w *rawfd.File, rf, wf *os.File) {
	t.Helper()
	rf, wf, err := os.Pipe() // Go's do not block
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rf.Close(); wf.Close() })
	if r, err = rawfd.New(rf); err != nil {
		t.Fatal(err)
	}
	if w, err = rawfd.New(wf); err != nil {
		t.Fatal(err)
	}
	return r, w, rf, wf
}

// TestThroughAPipe writes more than a pipe holds, so that both ends have to wait for each other.
func TestThroughAPipe(t *testing.T) {
	r, w, _, wf := pipe(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	done := make(chan error, 1)
	go func() {
		n, err := w.Write(sent)
		if n != len(sent) && err == nil {
			err = io.ErrShortWrite
		}
		wf.Close()
		done <- err
	}()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came of %d: %v", len(got), len(sent), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNothingToDo(t *testing.T) {
	r, w, _, _ := pipe(t)
	if n, err := w.Write(nil); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Error(n, err)
	}
}

func TestErrors(t *testing.T) {
	r, w, rf, _ := pipe(t)
	rf.SetReadDeadline(time.Unix(1, 0))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("at the deadline: %v", err)
	}
	rf.Close()
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("after Close: %d, %v", n, err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("when nobody reads: %v", err)
	}
}

// TestCloseEndsTheWait closes a file that is being read.
func TestCloseEndsTheWait(t *testing.T) {
	r, _, rf, _ := pipe(t)
	done := make(chan error, 1)
	go func() { _, err := r.Read(make([]byte, 1)); done <- err }()
	time.Sleep(10 * time.Millisecond)
	rf.Close()
	select {
	case err := <-done:
		if err == nil || err == io.EOF {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it still waits")
	}
}

// TestInterrupted has a call that is first interrupted, and then not ready.
func TestInterrupted(t *testing.T) {
	_, _, _, wf := pipe(t)
	raw, err := wf.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	says := []syscall.Errno{unix.EINTR, unix.EINTR, 0}
	call := rawfd.Writing(raw, func(uintptr) (uintptr, syscall.Errno) {
		errno := says[0]
		says = says[1:]
		return 7, errno
	})
	if n, err := call.Do(); n != 7 || err != nil || len(says) > 0 {
		t.Errorf("%d, %v, %v not asked for", n, err, says)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	r, w, _, _ := pipe(t)
	b := make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		w.Write(b)
		r.Read(b)
	}); n > 0 {
		t.Errorf("writing and reading allocates %v times", n)
	}
}
