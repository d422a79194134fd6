package sink

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"udpcam/protocol"
)

func TestEnlarge(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	enlarge(w)
	if size, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0); err != nil || size != pipeSize {
		t.Errorf("the pipe holds %d bytes, %v", size, err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	enlarge(file) // is no pipe
}

func TestDeviceThatIsFull(t *testing.T) {
	s, err := Open("/dev/full", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Put(protocol.Frame{JPEG: street(t, "5")}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v, want %v", err, unix.ENOSPC)
	}
}

// smallDisk mounts a file system of 200 KiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=200k"); err != nil {
		t.Skipf("needs to mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestRecordingOnAFullDisk(t *testing.T) {
	jpeg := street(t, "1")
	for _, name := range []string{"frames.mjpg", ""} {
		dir := smallDisk(t)
		s, err := Open(filepath.Join(dir, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; err == nil; n++ {
			err = s.Put(protocol.Frame{JPEG: jpeg})
		}
		if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "after 3 whole frames") {
			t.Errorf("frame %d: %v", n, err)
		}
		if again := s.Put(protocol.Frame{JPEG: jpeg[:10]}); again == nil {
			t.Error("a recording that has ended takes another frame")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		file := name
		if name == "" {
			file = "udpcam.mjpg"
		}
		contains(t, filepath.Join(dir, file), bytes.Repeat(jpeg, 3))
	}
}

func TestSnapshotOnAFullDisk(t *testing.T) {
	dir := smallDisk(t)
	name := filepath.Join(dir, "pic.jpg")
	s, err := Open(name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, street(t, "1"))
	if err := s.Put(protocol.Frame{JPEG: make([]byte, 300<<10)}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v, want %v", err, unix.ENOSPC)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	contains(t, name, street(t, "1"))
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}
