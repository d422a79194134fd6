package web

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// need returns the path of a program. If it is not installed, the test is skipped. In make test it must not be: see no-skips in
// the Makefile.
func need(t *testing.T, program string) (path string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed: make setup installs it", program)
	}
	return path
}

// run runs a program, and returns its standard output.
func run(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	path := need(t, program)
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.String())
	}
	return out
}

// play puts pictures in turn, thirty a second, until the test ends.
func play(t *testing.T, h *Server, pictures ...[]byte) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
				h.Put(frame(i, pictures[i%len(pictures)]))
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
}

// ffmpeg gets the pictures byte for byte, one after the other, with and without their lengths.
func TestFFmpeg(t *testing.T) {
	h := New(quiet(Config{}))
	addr := serve(t, h)
	pictures := [][]byte{picture(t, 1), picture(t, 2), picture(t, 3), picture(t, 4)}
	play(t, h, pictures...)
	for _, query := range []string{"", "?advance_headers=1"} {
		out := run(t, "ffmpeg", "-v", "error", "-i", "http://"+addr+"/stream"+query,
			"-frames:v", "20", "-c", "copy", "-f", "image2pipe", "-")
		last, n := -1, 0
		for ; len(out) > 0; n++ {
			i := 0
			for i < len(pictures) && !bytes.HasPrefix(out, pictures[i]) {
				i++
			}
			if i == len(pictures) || last >= 0 && i != (last+1)%len(pictures) {
				t.Fatalf("%s: picture %d of the output is number %d, after %d", query, n, i, last)
			}
			out, last = out[len(pictures[i]):], i
		}
		if n != 20 {
			t.Errorf("%s: %d pictures", query, n)
		}
	}
}

func TestCurl(t *testing.T) {
	h := New(quiet(Config{}))
	addr := serve(t, h)
	jpeg := picture(t, 1)
	h.Put(frame(0, jpeg))
	if out := run(t, "curl", "-sSf", "http://"+addr+"/snapshot.jpg"); !bytes.Equal(out, jpeg) {
		t.Errorf("the snapshot has %d bytes", len(out))
	}
	out := run(t, "curl", "-sS", "-H", "Host: evil.example", "http://"+addr+"/snapshot.jpg")
	if !bytes.Contains(out, []byte("--allow-host evil.example")) {
		t.Errorf("%.200s", out)
	}
	out = run(t, "curl", "-sS", "-I", "http://"+addr+"/stream")
	head := string(out)
	if !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") || !strings.Contains(head, "\r\nContent-Type: multipart/") {
		t.Error(head)
	}
}
