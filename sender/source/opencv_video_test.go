//go:build gocv

package source

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// video makes a film of 10 test pictures, 320x240, to be played at 25 frames a second.
func video(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "film.avi")
	make := exec.Command(program(t, "ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25",
		"-frames:v", "10", "-c:v", "mjpeg", "-q:v", "2", name)
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}

func TestOpenCVReadsAVideo(t *testing.T) {
	film := video(t)
	start := time.Now()
	frames := collect(t, open(t, "opencv:"+film, Options{}), -1)
	if len(frames) != 10 {
		t.Fatalf("%d frames, want 10", len(frames))
	}
	if d := time.Since(start); d < 9*40*time.Millisecond {
		t.Errorf("10 frames at 25 a second took %v", d)
	}
	// What ffmpeg itself makes of the same film, in a form that loses nothing.
	raw, err := exec.Command(program(t, "ffmpeg"), "-v", "error", "-i", film, "-f", "rawvideo", "-pix_fmt", "rgba", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		want := &image.RGBA{Pix: raw[i*320*240*4:][:320*240*4], Stride: 320 * 4, Rect: image.Rect(0, 0, 320, 240)}
		if d := colourDifference(t, f.JPEG, want); d > 6 {
			t.Errorf("frame %d differs by %.1f of 255", i, d)
		}
	}
}

// colourDifference is the mean difference of the colours of two pictures, 0 to 255.
func colourDifference(t testing.TB, jpg []byte, want *image.RGBA) float64 {
	t.Helper()
	got, err := jpeg.Decode(bytes.NewReader(jpg))
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Rect {
		t.Fatalf("the picture is %v, want %v", got.Bounds(), want.Rect)
	}
	rgba := image.NewRGBA(want.Rect)
	draw.Draw(rgba, rgba.Rect, got, image.Point{}, draw.Src)
	sum := 0
	for i, p := range rgba.Pix {
		d := int(p) - int(want.Pix[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(want.Pix)*3/4)
}

func TestOpenCVQuality(t *testing.T) {
	name := "opencv:" + video(t)
	size := func(quality int) int { return len(collect(t, open(t, name, Options{Quality: quality}), 1)[0].JPEG) }
	low, usual, high := size(10), size(0), size(95)
	if size(80) != usual || low >= usual || usual >= high {
		t.Errorf("%d, %d and %d bytes at quality 10, 80 and 95", low, usual, high)
	}
}

func TestOpenCVLoopsAVideo(t *testing.T) {
	frames := collect(t, open(t, "opencv:"+video(t), Options{Loop: true, FPS: 500}), 25)
	equal(t, frames[20:], frames[0].JPEG, frames[1].JPEG, frames[2].JPEG, frames[3].JPEG, frames[4].JPEG)
}

func TestOpenCVRunsAPipeline(t *testing.T) {
	if out, err := exec.Command(program(t, "gst-inspect-1.0"), "videotestsrc").CombinedOutput(); err != nil {
		t.Skipf("GStreamer has no videotestsrc: %s", out)
	}
	src := open(t, "opencv:videotestsrc is-live=true ! video/x-raw,width=160,height=120 ! videoconvert ! appsink", Options{})
	if n := len(collect(t, src, 5)); n != 5 {
		t.Errorf("%d frames", n)
	}
}

func TestOpenCVEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range open(t, "opencv:"+video(t), Options{FPS: 0.01}).Frames(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		cancel() // the next would be due in 100 s
	}
	if n != 1 {
		t.Errorf("%d frames", n)
	}
}

func TestOpenCVCannotOpen(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.avi")
	if err := os.WriteFile(text, []byte("not a film"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{text, "http://127.0.0.1:1/", "no_such_element ! appsink"} {
		err := failure(open(t, "opencv:"+name, Options{}))
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenCVVersion(t *testing.T) {
	var a, b, c, d, e, f int
	if n, err := fmt.Sscanf(OpenCVVersion(), "OpenCV %d.%d.%d (gocv %d.%d.%d)", &a, &b, &c, &d, &e, &f); n != 6 {
		t.Errorf("%q: %v", OpenCVVersion(), err)
	}
}
