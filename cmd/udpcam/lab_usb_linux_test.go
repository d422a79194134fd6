package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// This USB camera leaves out the Huffman tables, as many do. udpcam finds and lists it. Its frames arrive with the tables,
// and otherwise unchanged. They do so again after the camera was pulled out and plugged in again.
func TestLabUSB(t *testing.T) {
	if os.Getenv("UDPCAM_LAB") == "" {
		t.Skip("not in bench/lab")
	}
	need(t, "modprobe")
	for _, module := range []string{"vhci-hcd", "uvcvideo"} {
		if out, err := exec.Command("modprobe", module).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", module, err, out)
		}
	}
	camera := &usbCamera{film: map[image.Point][]byte{}}
	complete := map[image.Point][]byte{}
	for _, size := range usbSizes {
		noise := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
		for i := range noise.Y {
			noise.Y[i] = byte(i) ^ byte(rand.IntN(64))
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, noise, &jpeg.Options{Quality: 50}); err != nil {
			t.Fatal(err)
		}
		complete[size] = b.Bytes()
		camera.film[size] = withoutTables(t, b.Bytes())
	}
	camera.plugIn(t)
	t.Cleanup(func() { camera.pullOut() })

	until(t, "the camera is listed", func() bool {
		out, err := udpcamCommand(t, "cameras").Output()
		text := strings.Join(strings.Fields(string(out)), " ")
		return err == nil && strings.HasPrefix(text, "Lab Camera (the default)") &&
			strings.Contains(text, "driver uvcvideo") && strings.Contains(text, "mjpg 640x480 30 15") &&
			strings.Contains(text, "1280x720 30 15")
	})
	arrived := &arrivals{}
	in := arrived.of(t, udpcamCommand(t, "recv", "--addr", "127.0.0.1:0", "--out", "-"))
	addr := in.says(t, listening)[1]
	count := func() int {
		arrived.mu.Lock()
		defer arrived.mu.Unlock()
		return len(arrived.list)
	}
	checked := 0
	check := func(size image.Point) {
		t.Helper()
		arrived.mu.Lock()
		defer arrived.mu.Unlock()
		for ; checked < len(arrived.list); checked++ {
			got := arrived.list[checked].picture
			if n := numberOf(got); !bytes.Equal(got, numbered(complete[size], n)) {
				t.Fatalf("frame %d is not as the camera made it, with tables", n)
			}
		}
	}
	for _, size := range usbSizes {
		out := udpcam(t, "send", "--addr", addr, "--size", fmt.Sprintf("%dx%d", size.X, size.Y), "--fps", "15", "--frames", "60")
		before := count()
		out.says(t, fmt.Sprintf(`mode="%dx%d MJPG, 15 fps"`, size.X, size.Y))
		out.ends(t, 0)
		// The first frames may be missing: a stream gets the name of one that has just ended only after a pause.
		until(t, "the frames come", func() bool { return count() >= before+50 })
		until(t, "no more come", func() bool { n := count(); time.Sleep(time.Second); return count() == n })
		check(size)
	}

	size := usbSizes[0]
	out := udpcam(t, "send", "--addr", addr, "--size", fmt.Sprintf("%dx%d", size.X, size.Y))
	started := count()
	until(t, "frames come", func() bool { return count() > started+10 })
	for range 3 {
		camera.pullOut()
		until(t, "it is missed", func() bool { return strings.Contains(cameraState(out), "unplugged") })
		here, back := count(), time.Now()
		camera.plugIn(t)
		until(t, "frames come again", func() bool { return count() > here+3 })
		t.Logf("frames at the receiver %v after the camera's return", time.Since(back).Round(10*time.Millisecond))
		until(t, "it is said to be back", func() bool { return strings.Contains(cameraState(out), "gives pictures") })
	}
	out.stop(t)
	in.stop(t)
	<-arrived.ended
	check(size)
	t.Logf("%d frames", checked)
}

// cameraState is what a process has last logged of its camera.
func cameraState(p *process) (line string) {
	for l := range strings.Lines(p.stderr.String()) {
		if strings.Contains(l, " camera=") {
			line = l
		}
	}
	return line
}

// withoutTables is a picture of Go's encoder without its Huffman tables.
func withoutTables(t *testing.T, picture []byte) []byte {
	t.Helper()
	at := bytes.Index(picture, []byte{0xFF, 0xC4})
	if at < 0 {
		t.Fatal("the picture has no tables")
	}
	length := 2 + int(binary.BigEndian.Uint16(picture[at+2:]))
	return slices.Delete(bytes.Clone(picture), at, at+length)
}
