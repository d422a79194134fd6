//go:build unix

package source

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"udpcam/protocol/mjpeg"
)

// A command's pictures come as they are, and it is started again when it ends.
func TestExec(t *testing.T) {
	pics := street(t)
	film := store(t, "film.mjpg", pics[:3]...)
	frames := collect(t, open(t, "exec:cat "+film, Options{}), 7)
	equal(t, frames, pics[0], pics[1], pics[2], pics[0], pics[1], pics[2], pics[0])
}

// What goes wrong with a command is said with its own last words, and without passwords.
func TestExecFails(t *testing.T) {
	for command, want := range map[string]string{
		"udpcam-no-such-program":                                    "not found",
		"echo '<html>log in'; sleep 60":                             "it is a web page",
		`echo 'cannot open rtsp://me:secret@camera/' >&2; exit 127`: "rtsp://me:xxxxx@camera/",
	} {
		began := time.Now()
		err := failure(open(t, "exec:"+command, quietly(Options{})))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %s", command, err, want)
		}
		if d := time.Since(began); d > 9*time.Second {
			t.Errorf("%s: said after %v", command, d)
		}
	}
	if _, err := Open("exec: ", Options{}); !errors.Is(err, ErrName) {
		t.Errorf("no command: %v", err)
	}
	if got := Redact("exec:curl -u me:secret http://camera/"); got != "exec:curl …" {
		t.Errorf("a command is shown as %s", got)
	}
}

// A program ends with its source, and so does what it has started, also what does not want to.
func TestExecEndsWithItsSource(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	film := store(t, "film.mjpg", street(t)[:2]...)
	command := fmt.Sprintf("trap '' TERM; (trap '' TERM; sleep 1000 & echo $! >%s; wait) & cat %s; wait", pid, film)
	if n := len(collect(t, open(t, "exec:"+command, Options{}), 2)); n != 2 {
		t.Fatalf("%d frames", n)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	var grandchild int
	fmt.Sscan(string(text), &grandchild)
	for range 100 {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", grandchild))
		if err != nil || strings.Contains(string(state), ") Z") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	syscall.Kill(grandchild, syscall.SIGKILL)
	t.Error("what the program has started goes on")
}

// freePort returns a port that nobody uses. ffmpeg cannot choose one itself and tell it.
func freePort(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().String()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Streams that udpcam does not know itself come through ffmpeg: JPEGs as they are, and others as JPEGs.
func TestFFmpegReadsStreams(t *testing.T) {
	program(t, "ffmpeg")
	h264 := []string{"-c:v", "libx264", "-tune", "zerolatency", "-g", "15", "-pix_fmt", "yuv420p"}
	for name, tt := range map[string]struct {
		network, url string
		listens      string // what the sender adds to be the one who listens
		args         []string
	}{
		"tcp, H.264":  {"tcp", "tcp://%s", "?listen", append(h264, "-f", "mpegts")},
		"udp, H.264":  {"udp", "udp://%s", "", append(h264, "-f", "mpegts")},
		"rtmp, H.264": {"tcp", "rtmp://%s/live/x", "", append(h264, "-f", "flv", "-listen", "1")},
		"tcp, MJPEG":  {"tcp", "tcp://%s", "?listen", []string{"-c:v", "mjpeg", "-f", "matroska"}},
		"srt, H.264":  {"udp", "srt://%s", "?mode=listener", append(h264, "-f", "mpegts")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := fmt.Sprintf(tt.url, freePort(t, tt.network))
			// The sender serves one viewer, and is started again for the next.
			serve := exec.Command("/bin/sh", "-c", `while :; do "$@"; sleep .1; done`, "sh", "ffmpeg", "-v", "error", "-re",
				"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30")
			serve.Args = append(append(serve.Args, tt.args...), url+tt.listens)
			tie(serve)
			if err := serve.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { kill(serve); serve.Wait() })
			for i, f := range collect(t, open(t, url, Options{}), 10) {
				if size, err := mjpeg.Size(f.JPEG); err != nil || size != image.Pt(320, 240) {
					t.Errorf("frame %d: %v, %v", i, size, err)
				}
			}
		})
	}
}

// A film is played at its own speed, ends the source when it ends, and begins again with Loop. JPEGs in it stay as they are.
func TestFFmpegPlaysFiles(t *testing.T) {
	ffmpeg := program(t, "ffmpeg")
	path := filepath.Join(t.TempDir(), "film.mp4")
	if out, err := exec.Command(ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=20", "-t", "1",
		"-c:v", "libx264", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, err := Open(path, Options{})
	if !errors.Is(err, ErrNoJPEG) || !strings.Contains(err.Error(), "H.264") || !strings.Contains(err.Error(), "ffmpeg:"+path) {
		t.Errorf("a film of H.264: %v", err)
	}
	began := time.Now()
	if n := len(collect(t, open(t, "ffmpeg:"+path, Options{}), -1)); n != 20 {
		t.Errorf("%d frames, want 20", n)
	}
	if d := time.Since(began); d < 800*time.Millisecond {
		t.Errorf("a film of a second took %v", d)
	}
	if n := len(collect(t, open(t, "ffmpeg:"+path, Options{Loop: true}), 25)); n != 25 {
		t.Errorf("%d frames of a film that is looped", n)
	}
	frames := collect(t, open(t, "ffmpeg:"+path, Options{Size: image.Pt(80, 60), FPS: 10}), -1)
	if size, err := mjpeg.Size(frames[0].JPEG); err != nil || size != image.Pt(80, 60) || len(frames) < 8 || len(frames) > 13 {
		t.Errorf("%d frames of %v, want some 10 of 80x60", len(frames), size)
	}
	pics := street(t)[4:]
	recording := store(t, "film.mjpg", pics...)
	equal(t, collect(t, open(t, "ffmpeg:"+recording, Options{}), -1), pics...)
}

// What ffmpeg says is passed on, without the password. Without ffmpeg, the error has the line that does it.
func TestFFmpegFails(t *testing.T) {
	program(t, "ffmpeg")
	err := failure(open(t, "rtsp://me:s3cr3t@no-such-host.invalid/stream", quietly(Options{})))
	if err == nil || strings.Contains(err.Error(), "s3cr3t") ||
		!strings.Contains(err.Error(), "rtsp://me:xxxxx@no-such-host.invalid/") {
		t.Errorf("a host that does not exist: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err = Open("rtsp://me:s3cr3t@camera/stream", Options{})
	if !errors.Is(err, ErrName) || strings.Contains(err.Error(), "s3cr3t") ||
		!strings.Contains(err.Error(), "-i rtsp://me:xxxxx@camera/stream -map 0:v:0 -q:v 2 ") {
		t.Errorf("without ffmpeg: %v", err)
	}
	if _, err := Open("rtsp:camera", Options{}); !errors.Is(err, ErrName) {
		t.Errorf("no URL: %v", err)
	}
}

// A source ends while its program is silent.
func TestFFmpegEndsWhileItWaits(t *testing.T) {
	program(t, "ffmpeg")
	l, err := net.Listen("tcp", "127.0.0.1:0") // which never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	for range open(t, "tcp://"+l.Addr().String(), Options{}).Frames(ctx) {
		t.Error("a frame or an error")
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("it ended after %v", d)
	}
}
