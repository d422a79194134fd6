package sink

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"udpcam/protocol"
)

// Writing a frame to a pipe allocates nothing. The RawConn is made anew for each frame, so that the compiler can keep it
// off the heap. It could not if the RawConn were kept.
func TestPipeAllocatesNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o666); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	p, err := openPipe(name)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	f := protocol.Frame{JPEG: street(t, "1")}
	read := make([]byte, len(f.JPEG))
	if n := testing.AllocsPerRun(100, func() {
		if !p.prompt(len(f.JPEG)) {
			t.Error("an empty pipe has no room")
		}
		if err := p.Put(f); err != nil {
			t.Error(err)
		}
		if p.prompt(len(f.JPEG)) {
			t.Error("a pipe that nobody reads has room")
		}
		if _, err := io.ReadFull(reader, read); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}
