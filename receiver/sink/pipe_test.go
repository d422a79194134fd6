//go:build unix

package sink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"udpcam/protocol"
)

func init() {
	helpers["write standard output"] = writeStandardOutput
	helpers["record"] = record
}

// writeStandardOutput writes the picture on standard input 100 times, or until its reader has gone.
func writeStandardOutput() {
	jpeg, _ := io.ReadAll(os.Stdin)
	s, err := Open("-", Options{})
	for range 100 {
		if err == nil {
			err = s.Put(protocol.Frame{JPEG: jpeg})
		}
	}
	fmt.Fprintln(os.Stderr, err, errors.Is(err, ErrClosed))
}

func TestPipe(t *testing.T) {
	cmd := helper(t, "write standard output")
	cmd.Stdin = bytes.NewReader(street(t, "1"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out, bytes.Repeat(street(t, "1"), 100)) {
		t.Errorf("%d bytes came through, not 100 frames", len(out))
	}
}

// TestPipeWhoseReaderLeaves expects an orderly end, not a process that SIGPIPE has killed.
func TestPipeWhoseReaderLeaves(t *testing.T) {
	cmd := helper(t, "write standard output")
	cmd.Stdin = bytes.NewReader(street(t, "1"))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.ReadFull(out, make([]byte, 100_000))
	out.Close()
	if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), ErrClosed.Error()+" true") {
		t.Errorf("%v, and it said %q", err, said.String())
	}
}

func TestPipeIntoFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg")
	}
	pictures := helper(t, "write standard output")
	pictures.Stdin = bytes.NewReader(street(t, "1"))
	ffmpeg := exec.Command("ffmpeg", "-v", "error", "-f", "mjpeg", "-i", "-", "-f", "framemd5", "-")
	out, err := pictures.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	ffmpeg.Stdin = out
	var sums, said bytes.Buffer
	ffmpeg.Stdout, ffmpeg.Stderr = &sums, &said
	if err := errors.Join(pictures.Start(), ffmpeg.Run(), pictures.Wait()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(sums.String(), "\n0,"); n != 100 || said.Len() > 0 {
		t.Errorf("ffmpeg read %d frames of 100 and said %q", n, said.String())
	}
}

func TestNamedPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo.mjpg")
	if err := syscall.Mkfifo(name, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name, Options{}); err == nil || !strings.Contains(err.Error(), "reader first") {
		t.Errorf("a named pipe that nobody reads: %v", err)
	}
	reader, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte)
	go func() {
		b := make([]byte, len(street(t, "1")))
		io.ReadFull(reader, b)
		got <- b
	}()
	put(t, s, street(t, "1"))
	if !bytes.Equal(<-got, street(t, "1")) {
		t.Error("the frame came out differently")
	}
	reader.Close()
	if err := s.Put(protocol.Frame{JPEG: street(t, "1")}); !errors.Is(err, ErrClosed) {
		t.Errorf("Put when the reader has gone: %v, want ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// record records the picture on standard input until it is killed.
func record() {
	jpeg, _ := io.ReadAll(os.Stdin)
	s, err := Open(os.Getenv("RECORD_TO"), Options{})
	for err == nil {
		err = s.Put(protocol.Frame{JPEG: jpeg})
		fmt.Println("frame")
	}
}

func TestRecordingThatIsKilled(t *testing.T) {
	name := filepath.Join(t.TempDir(), "frames.mjpg")
	jpeg := street(t, "5")
	cmd := helper(t, "record")
	cmd.Env = append(cmd.Env, "RECORD_TO="+name)
	cmd.Stdin = bytes.NewReader(jpeg)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const frames = 20
	if _, err := io.ReadFull(out, make([]byte, frames*len("frame\n"))); err != nil {
		t.Error(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < frames*len(jpeg) {
		t.Errorf("%d bytes, want %d frames at least", len(got), frames)
	}
	if whole := bytes.Repeat(jpeg, len(got)/len(jpeg)+1); !bytes.HasPrefix(whole, got) {
		t.Error("more than the last frame is damaged")
	}
}
