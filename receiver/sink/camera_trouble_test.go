package sink

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/v4l2"
	"udpcam/protocol"
)

// Readers give up a camera that gives no pictures. So it gets its last one until there is another.
func TestCameraStaysAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeCamera{}
		c := f.start(t, Options{CameraMJPEG: true})
		time.Sleep(time.Minute)
		if f.count() != 0 {
			t.Error("something was written before there was a picture")
		}
		for range 30 {
			put(t, c, street(t, "5"))
			time.Sleep(time.Second / 30)
		}
		if f.count() != 30 {
			t.Errorf("%d pictures of 30 were written", f.count())
		}
		time.Sleep(10 * time.Second)
		if n := f.count() - 30; n < 35 || n > 45 || !bytes.Equal(f.last(t), street(t, "5")) {
			t.Errorf("the last picture was repeated %d times in 10 s", n)
		}
		c.Close()
		n := f.count()
		time.Sleep(time.Minute)
		if f.count() != n {
			t.Error("something was written to a closed device")
		}
	})
}

// Pictures that cannot or should not be decoded are counted, and never reach the device.
func TestCameraSkips(t *testing.T) {
	for _, mjpeg := range []bool{false, true} {
		f, skipped := &fakeCamera{}, map[string]int{}
		c := f.start(t, Options{CameraMJPEG: mjpeg, MaxPixels: 1e6, Skip: func(reason string) { skipped[reason]++ }})
		whole := street(t, "5")
		put(t, c, []byte{0xFF, 0xD8, 0xFF, 0xD9}, []byte("text"), encode(t, image.NewGray(image.Rect(0, 0, 2000, 2000))))
		if want := map[string]int{SkipDamaged: 2, SkipHuge: 1}; !maps.Equal(skipped, want) || f.count() != 0 {
			t.Errorf("skipped %v, want %v; %d written", skipped, want, f.count())
		}
		put(t, c, whole)
		f.fail(v4l2.ErrRoom)
		put(t, c, whole)
		if skipped[SkipHuge] != 2 {
			t.Errorf("a picture without room was not counted: %v", skipped)
		}
	}
}

// Errors tell what to do.
func TestCameraErrors(t *testing.T) {
	const load = "sudo modprobe v4l2loopback exclusive_caps=1 video_nr=%d"
	for _, test := range []struct {
		err  error
		says []string
	}{
		{&os.PathError{Op: "open", Err: fs.ErrNotExist}, []string{"there is no /dev/video7", fmt.Sprintf(load, 7)}},
		{&os.PathError{Op: "open", Err: fs.ErrPermission}, []string{"/dev/video7", "root only"}},
		{fmt.Errorf("/dev/video7: %w", v4l2.ErrNoOutput), []string{"/dev/video7", "camera", fmt.Sprintf(load, 7)}},
		{fmt.Errorf("/dev/video7: %w", v4l2.ErrBusy), []string{"another program", "another device"}},
		{v4l2.ErrSystem, []string{"only Linux"}},
		{errors.New("broken"), []string{"/dev/video7", "broken"}},
	} {
		_, err := (&camera{path: "/dev/video7", open: func(string) (cameraDevice, error) { return nil, test.err }}).start()
		for _, text := range test.says {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%v: %q, want %q", test.err, err, text)
			}
		}
	}
	if _, err := Open("v4l2:", Options{}); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if _, err := Open("v4l2:"+os.DevNull, Options{}); v4l2.Supported && !errors.Is(err, v4l2.ErrNoOutput) {
		t.Error(err)
	}
	for _, name := range []string{"v4l2:/dev/video4242", "v4l2:4242", "/dev/video4242"} {
		_, err := Open(name, Options{})
		if err == nil || v4l2.Supported && !strings.Contains(err.Error(), fmt.Sprintf(load, 4242)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A device that fails is opened again until it works.
func TestCameraComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeCamera{}
		q := NewQueue(f.start(t, Options{}), QueueOptions{Frames: 1})
		frame := protocol.Frame{JPEG: encode(t, halves(image.Pt(64, 48), 0))}
		q.Put(frame)
		synctest.Wait()
		f.fail(v4l2.ErrGone)
		q.Put(frame)
		time.Sleep(5 * time.Second)
		if s := q.State(); !strings.Contains(s.Err, "unplugged") {
			t.Errorf("the state is %+v", s)
		}
		f.fail(nil)
		time.Sleep(2 * time.Second)
		if s := q.State(); s.Err != "" {
			t.Errorf("the state is %+v", s)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if f.open {
			t.Error("the device is still open")
		}
	})
}

// BenchmarkCamera makes YUYV of a picture of 768x576, as it is and scaled.
func BenchmarkCamera(b *testing.B) {
	picture, err := os.ReadFile("../../protocol/mjpeg/testdata/street/1.jpg")
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []image.Point{{768, 576}, {1280, 720}} {
		b.Run(size.String(), func(b *testing.B) {
			var canvas cameraCanvas
			for b.Loop() {
				if _, err := canvas.draw(picture, v4l2.Mode{Code: codeYUYV, Size: size}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
