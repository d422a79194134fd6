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
	"sync/atomic"
	"testing"
)

// A tally counts the bytes that are written to it.
type tally struct{ atomic.Int64 }

func (n *tally) Write(b []byte) (int, error) { n.Add(int64(len(b))); return len(b), nil }

// Other programs read what recv writes to a device of v4l2loopback: in both formats, in several sizes, while pictures change
// their size, and after they have stopped.
func TestLabCameraOut(t *testing.T) {
	if os.Getenv("UDPCAM_LAB") == "" {
		t.Skip("not in bench/lab")
	}
	need(t, "ffmpeg", "modprobe")
	const device = "/dev/video9"
	refused := func(text string) {
		t.Helper()
		p := udpcam(t, "recv", "--addr", "127.0.0.1:0", "--out", "v4l2:"+device)
		p.ends(t, 1)
		p.says(t, text)
	}
	refused("there is no /dev/video9.*sudo modprobe v4l2loopback exclusive_caps=1 video_nr=9")
	modprobe := exec.Command("modprobe", "v4l2loopback", "exclusive_caps=1", "card_label=udpcam", "video_nr=9")
	if out, err := modprobe.CombinedOutput(); err != nil {
		t.Fatalf("v4l2loopback: %v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("modprobe", "-r", "v4l2loopback").Run() })

	// Pictures are small here, because this machine is slow.
	large, small := street(t, 5)[0], filepath.Join(t.TempDir(), "small.jpg")
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, image.NewYCbCr(image.Rect(0, 0, 160, 90), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(small, encoded.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]image.Point{large: {320, 240}, small: {160, 90}, street(t, 1)[0]: {768, 576}}
	// read returns frames of the device as ffmpeg gets them. It tries until the device has any.
	read := func(format string, size image.Point, n int) (frames []byte) {
		t.Helper()
		until(t, "ffmpeg reads "+format, func() bool {
			out, err := exec.Command("timeout", "20", "ffmpeg", "-v", "error", "-f", "v4l2", "-input_format", format,
				"-video_size", fmt.Sprintf("%dx%d", size.X, size.Y), "-i", device, "-frames:v", fmt.Sprint(n),
				"-c", "copy", "-f", "data", "-map", "0:v", "-").Output()
			frames = out
			return err == nil && len(out) > 0
		})
		return frames
	}
	luma := func(path string) (values []byte) {
		img, err := jpeg.Decode(bytes.NewReader(readFile(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		picture := img.(*image.YCbCr)
		for y := range picture.Rect.Dy() {
			for _, v := range picture.Y[y*picture.YStride:][:picture.Rect.Dx()] {
				values = append(values, byte(16+(int(v)*219+127)/255))
			}
		}
		return values
	}
	show := func(in string, path string) *process {
		return udpcam(t, "send", "--addr", in, "--source", path, "--fps", "10")
	}
	for _, path := range []string{street(t, 1)[0], small} {
		in, addr := recv(t, "--out", "v4l2:"+device, "--camera-as", "mjpg")
		out := show(addr, path)
		// v4l2loopback 0.12 hands a reader the first picture with what else is in the buffer behind it.
		stream, want := read("mjpeg", sizes[path], 3), readFile(t, path)
		if !bytes.HasPrefix(stream, want) || !bytes.HasSuffix(stream, bytes.Repeat(want, 2)) {
			t.Errorf("%s: %d bytes in three JPEGs, which are not as they were sent", path, len(stream))
		}
		out.stop(t)
		in.stop(t)
	}
	in, addr := recv(t, "--out", "v4l2:9")
	out := show(addr, large)
	size := sizes[large]
	raw := read("yuyv422", size, 3)
	if len(raw) != 3*2*size.X*size.Y {
		t.Fatalf("%d bytes of YUYV in %v", len(raw), size)
	}
	for i, want := range luma(large) {
		if raw[2*i] != want {
			t.Fatalf("pixel %d is %d, want %d", i, raw[2*i], want)
		}
	}
	refused("takes pictures of one program.*" + fmt.Sprintf(`udpcam \(process %d\)|another program`, in.cmd.Process.Pid))

	// A reader goes on while the size changes, and when pictures stop.
	reader := exec.Command("ffmpeg", "-v", "error", "-f", "v4l2", "-i", device, "-c", "copy", "-f", "data", "-map", "0:v", "-")
	pixels := &tally{}
	reader.Stdout = pixels
	reads := start(t, reader)
	grows := func(what string) {
		t.Helper()
		have := pixels.Load()
		until(t, what, func() bool { return pixels.Load() >= have+5*int64(2*size.X*size.Y) })
	}
	grows("a reader gets pictures")
	out.stop(t)
	out = show(addr, small)
	in.says(t, "keeps its format while programs read it")
	grows("a reader gets pictures of another size")
	out.stop(t)
	grows("a reader gets the last picture again")
	reads.kill()

	// Without a reader, the device takes the new size.
	out = show(addr, small)
	in.says(t, fmt.Sprintf(`mode="%dx%d YUYV`, sizes[small].X, sizes[small].Y))
	raw = read("yuyv422", sizes[small], 1)
	different := 0
	for i, want := range luma(small) {
		if 2*i >= len(raw) || raw[2*i] != want {
			different++
		}
	}
	if different > 0 {
		t.Errorf("%d pixels differ", different)
	}
	cameras, err := udpcamCommand(t, "cameras").Output()
	if err != nil || !strings.Contains(string(cameras), "yuyv") {
		t.Errorf("the camera is not listed: %v\n%s", err, cameras)
	}
	out.stop(t)
	in.stop(t)
}
