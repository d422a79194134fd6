package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"udpcam/protocol"
)

// newPipe returns a source of what is written to the returned file.
func newPipe(t testing.TB, o Options) (*pipe, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	open := func(ctx context.Context) (io.ReadCloser, error) {
		return readApart(ctx, func() (io.ReadCloser, error) { return r, nil }), nil
	}
	return &pipe{"a pipe", open, o.withDefaults()}, w
}

func TestPipe(t *testing.T) {
	pics := street(t)
	for _, tt := range []struct {
		name    string
		in      [][]byte
		want    [][]byte
		skipped string
		err     error
	}{
		{"pictures", pics, pics, "map[]", nil},
		{"one", pics[:1], pics[:1], "map[]", nil},
		{"garbage between", [][]byte{pics[4], []byte("<p>oops &c</p> \x01"), pics[5]}, pics[4:6], "map[garbage:1]", nil},
		{"cut off", [][]byte{pics[4], pics[5][:9000]}, pics[4:5], "map[truncated:1]", nil},
		{"too large", [][]byte{pics[0], pics[4]}, pics[4:5], "map[oversized:1]", nil},
		{"empty", nil, nil, "map[]", ErrNoJPEG},
		{"text", [][]byte{[]byte("hello, world!\n")}, nil, "map[garbage:1]", ErrNoJPEG},
	} {
		t.Run(tt.name, func(t *testing.T) {
			skipped := skips{n: map[string]int{}}
			o := Options{Skip: skipped.add}
			if tt.name == "too large" {
				o.MaxFrameSize = 20_000
			}
			src, w := newPipe(t, o)
			go func() {
				w.Write(bytes.Join(tt.in, nil))
				w.Close()
			}()
			var frames []protocol.Frame
			for f, err := range src.Frames(t.Context()) {
				if err != nil {
					if tt.err == nil || !errors.Is(err, tt.err) {
						t.Errorf("error %v, want %v", err, tt.err)
					}
					tt.err = nil
					break
				}
				frames = append(frames, f.Keep())
			}
			if tt.err != nil {
				t.Errorf("no error, want %v", tt.err)
			}
			equal(t, frames, tt.want...)
			if got := fmt.Sprint(skipped.n); got != tt.skipped {
				t.Errorf("skipped %s, want %s", got, tt.skipped)
			}
		})
	}
}

// A frame has to come out when its last byte is there, not when the next frame begins.
func TestPipeAtOnce(t *testing.T) {
	pics := street(t)
	src, w := newPipe(t, Options{})
	next := make(chan []byte, 1)
	go func() {
		for pic := range next {
			w.Write(pic)
		}
	}()
	defer close(next)
	next <- pics[0]
	n := 0
	for f, err := range src.Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		equal(t, []protocol.Frame{f}, pics[n])
		if n++; n == len(pics) {
			break
		}
		next <- pics[n] // written only now
	}
}

// A read that waits for input must end with the context. Its goroutine ends with the pipe.
func TestPipeCancel(t *testing.T) {
	pics := street(t)
	src, w := newPipe(t, Options{})
	cancelPipe(t, src, w)
	w.Write(pics[5][100:])
}

// cancelPipe ends a source in the middle of a picture.
func cancelPipe(t *testing.T, src *pipe, w io.Writer) {
	t.Helper()
	pics := street(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.Write(pics[4])
	w.Write(pics[5][:100])
	for f, err := range src.Frames(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		equal(t, []protocol.Frame{f}, pics[4])
		cancel()
	}
}

func TestPipeNeverAPicture(t *testing.T) {
	src, w := newPipe(t, Options{})
	go func() {
		junk := bytes.Repeat([]byte("no picture at all. "), 1<<16)
		for {
			if _, err := w.Write(junk); err != nil {
				return
			}
		}
	}()
	if err := failure(src); !errors.Is(err, ErrNoJPEG) {
		t.Errorf("error %v, want %v", err, ErrNoJPEG)
	}
}

// stdin runs this test binary as a program that reads pictures from standard input and prints their sums.
func stdin(t *testing.T) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), readStdin+"=1")
	return cmd
}

func TestStdinFFmpeg(t *testing.T) {
	ffmpeg := program(t, "ffmpeg")
	film, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x480", "-frames:v", "25",
		"-f", "mjpeg", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	copying := exec.Command(ffmpeg, "-v", "error", "-f", "mjpeg", "-i", "-", "-c", "copy", "-f", "mjpeg", "-")
	copying.Stdin = bytes.NewReader(film)
	reading := stdin(t)
	if reading.Stdin, err = copying.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := copying.Start(); err != nil {
		t.Fatal(err)
	}
	out, err := reading.Output()
	if err := errors.Join(err, copying.Wait()); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	pictures := Options{}.withDefaults().pictures(bytes.NewReader(film))
	for {
		pic, err := pictures.next()
		if err != nil {
			break
		}
		fmt.Fprintf(&want, "%x\n", sha256.Sum256(pic.JPEG))
	}
	if n := strings.Count(want.String(), "\n"); n != 25 || string(out) != want.String() {
		t.Errorf("ffmpeg wrote %d pictures, %d came out; or others", n, bytes.Count(out, []byte("\n")))
	}
}

func TestStdinNothing(t *testing.T) {
	out, err := stdin(t).CombinedOutput() // standard input is the null device
	if err == nil || string(out) != "no whole JPEG came on standard input before it ended: nothing came at all\n" {
		t.Errorf("%v, %s", err, out)
	}
}

// BenchmarkPipe measures a picture's way through a pipe.
func BenchmarkPipe(b *testing.B) {
	pic := street(b)[1]
	src, w := newPipe(b, Options{})
	go func() {
		for range b.N {
			w.Write(pic)
		}
		w.Close()
	}()
	b.SetBytes(int64(len(pic)))
	b.ReportAllocs()
	for _, err := range src.Frames(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
	}
}
