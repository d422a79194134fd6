package source

import (
	"fmt"
	"image"
	"net"
	"os/exec"
	"testing"

	"udpcam/protocol/mjpeg"
)

// Here ffmpeg is the camera, a program that was not written for udpcam. It serves one viewer, and writes boundaries and
// lengths in its own way.
func TestCameraFFmpeg(t *testing.T) {
	ffmpeg := program(t, "ffmpeg")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	camera := exec.Command(ffmpeg, "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30",
		"-frames:v", "20", "-f", "mpjpeg", "-listen", "1", "http://"+address+"/")
	camera.Stderr = t.Output()
	if err := camera.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { camera.Process.Kill(); camera.Wait() }()
	// It may not listen yet when it is first connected to.
	for i, f := range collect(t, open(t, fmt.Sprint("http://", address, "/"), Options{}), 20) {
		if size, err := mjpeg.Size(f.JPEG); err != nil || size != image.Pt(320, 240) {
			t.Errorf("frame %d: %v, %v", i, size, err)
		}
	}
}
