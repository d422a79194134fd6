package main_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// documented returns the command in README.md that begins and ends with these texts, as a shell takes it. What is replaced
// in it, by pairs, is what needs a camera or a screen.
func documented(t *testing.T, begin, end string, replace ...string) *exec.Cmd {
	t.Helper()
	text := strings.ReplaceAll("\n"+string(readFile(t, "../../README.md")), "\n    ", "\n")
	_, after, ok := strings.Cut(text, "\n"+begin)
	line, _, closed := strings.Cut(after, end+"\n")
	if !ok || !closed || strings.Contains(line, "\n\n") {
		t.Fatalf("README.md has no command from %q to %q", begin, end)
	}
	line = begin + line + end
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(line, replace[i]) {
			t.Fatalf("%q has no %q", line, replace[i])
		}
		line = strings.ReplaceAll(line, replace[i], replace[i+1])
	}
	bin := t.TempDir()
	if err := os.Symlink(udpcamCommand(t).Path, filepath.Join(bin, "udpcam")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", line)
	cmd.Env = append(udpcamCommand(t).Env, "PATH="+bin+":/usr/bin:"+os.Getenv("PATH")) // Debian's python3 has OpenCV
	return cmd
}

// shows fails the test unless a program has made these pixels of a picture: BGR, one row behind the other.
func shows(t *testing.T, bgr, picture []byte) {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	size, sum := img.Bounds().Size(), 0
	if len(bgr) < 3*size.X*size.Y {
		t.Fatalf("%d bytes of pixels, want %v", len(bgr), size)
	}
	for i := range size.X * size.Y {
		r, g, b, _ := img.At(i%size.X, i/size.X).RGBA()
		for j, want := range []uint32{b, g, r} {
			sum += max(int(want>>8)-int(bgr[3*i+j]), int(bgr[3*i+j])-int(want>>8))
		}
	}
	if mean := float64(sum) / float64(3*size.X*size.Y); mean > 6 {
		t.Errorf("pixels differ by %.1f on average", mean)
	}
}

// The commands in README.md for GStreamer and for OpenCV in Python: all frames arrive, and in both directions the picture is
// the one that was sent.
func TestE2EOtherPrograms(t *testing.T) {
	need(t, "bash", "gst-launch-1.0", "python3")
	picture := readFile(t, street(t, 5)[0])
	path, _ := film(t, 15, street(t, 5)...)
	sends := func(t *testing.T, addr string) *process {
		return udpcam(t, "send", "--addr", addr, "--source", path, "--fps", "30", "--loop")
	}
	arriving := func(t *testing.T, size image.Point, begin string, replace ...string) [][]byte {
		t.Helper()
		file := filepath.Join(t.TempDir(), "out.mjpg")
		in, addr := recv(t, "--out", file)
		out := start(t, documented(t, begin, "--source -", append(replace, "192.168.1.20", addr)...))
		<-out.done
		in.stop(t)
		pictures := frames(t, readFile(t, file))
		if len(pictures) != 15 {
			t.Fatalf("%d of 15 pictures have come: %s", len(pictures), out.stderr.String())
		}
		for _, p := range pictures {
			if config, err := jpeg.DecodeConfig(bytes.NewReader(p)); err != nil || image.Pt(config.Width, config.Height) != size {
				t.Fatal(err, config)
			}
		}
		return pictures
	}
	t.Run("to GStreamer", func(t *testing.T) {
		pixels := filepath.Join(t.TempDir(), "pixels")
		in := start(t, documented(t, "udpcam recv --out - | gst-launch-1.0", "sync=false", "recv",
			"recv --frames 20 --addr 127.0.0.1:0", "autovideosink sync=false", "video/x-raw,format=BGR ! filesink location="+pixels))
		sends(t, in.says(t, listening)[1])
		<-in.done
		content := readFile(t, pixels)
		if size := 3 * 320 * 240; len(content) != 20*size {
			t.Errorf("%d bytes, which are not 20 pictures", len(content))
		}
		shows(t, content, picture)
	})
	t.Run("from GStreamer", func(t *testing.T) {
		arriving(t, image.Pt(320, 240), "gst-launch-1.0 -q v4l2src", "v4l2src",
			"videotestsrc num-buffers=15 ! video/x-raw,width=320,height=240")
	})
	t.Run("to OpenCV", func(t *testing.T) {
		in, addr := recv(t, "--http", "127.0.0.1:0")
		sends(t, addr)
		url := in.url(t)
		until(t, "there is a picture", func() bool { _, err := get(url + "snapshot.jpg"); return err == nil })
		out, err := documented(t, `python3 -c 'import cv2; c = cv2.VideoCapture("http`, "[1])'", "http://127.0.0.1:8080/", url,
			`while cv2.waitKey(1) != ord("q"): cv2.imshow("udpcam", c.read()[1])`,
			"import sys\nfor i in range(20): pixels = c.read()[1]\nsys.stdout.buffer.write(pixels)").Output()
		if err != nil {
			t.Fatal(err)
		}
		shows(t, out, picture)
	})
	t.Run("from OpenCV", func(t *testing.T) {
		pictures := arriving(t, image.Pt(320, 240), "python3 -c 'import cv2, os;", "VideoCapture(0)",
			fmt.Sprintf("VideoCapture(%q)", path))
		img, err := jpeg.Decode(bytes.NewReader(pictures[7]))
		if err != nil {
			t.Fatal(err)
		}
		var bgr []byte
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				r, g, b, _ := img.At(x, y).RGBA()
				bgr = append(bgr, byte(b>>8), byte(g>>8), byte(r>>8))
			}
		}
		shows(t, bgr, picture)
	})
}
