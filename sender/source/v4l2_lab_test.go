package source

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"udpcam/internal/v4l2"
	"udpcam/protocol"
)

// The tests named TestLab need cameras that a driver simulates, and they change the machine for that. So they run in
// bench/lab only, by `make lab`. The tests here use the driver vivid, which has everything but JPEGs. JPEGs are tested end
// to end.

// planar makes vivid use the multi-planar interface instead of the other one.
const planar = "multiplanar=2"

// vivid loads the driver with these options besides the usual ones, so that the machine has one such camera. It returns the
// camera's path.
func vivid(t *testing.T, options ...string) string {
	t.Helper()
	if os.Getenv("UDPCAM_LAB") == "" {
		t.Skip("not in bench/lab")
	}
	command(t, "modprobe", append([]string{"vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0"}, options...)...)
	t.Cleanup(func() { command(t, "modprobe", "-r", "vivid") })
	for _, path := range v4l2.Paths() {
		device, err := v4l2.Open(path)
		if err != nil {
			continue
		}
		info := device.Info()
		device.Close()
		if info.Driver == "vivid" {
			return path
		}
	}
	t.Fatal("vivid has made no camera")
	return ""
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// set sets a control of a camera that is in use.
func set(t *testing.T, path, control string, value int64) {
	t.Helper()
	device, err := v4l2.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	controls, err := device.Controls()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(controls, func(c v4l2.Control) bool { return c.Name == control })
	if at < 0 {
		t.Fatalf("no control %s", control)
	}
	if err := device.Set(controls[at], value); err != nil {
		t.Fatal(err)
	}
}

// Every format that both the driver and udpcam know shows the same colour bars, upright and turned.
func TestLabFormats(t *testing.T) { testFormats(t, vivid(t)) }

// The multi-planar interface gives the same. Formats with several pieces of memory (NM12) are not listed.
func TestLabPlanarFormats(t *testing.T) {
	path := vivid(t, planar)
	cameras := Cameras()
	if len(cameras) != 1 || cameras[0].Path != path || !cameras[0].Usable || cameras[0].Problem != "" {
		t.Fatalf("%+v", cameras)
	}
	for _, f := range cameras[0].Formats {
		if f.Code[1] == 'M' {
			t.Errorf("it offers %s, %s", f.Code, f.Description)
		}
	}
	testFormats(t, path)
}

func testFormats(t *testing.T, path string) {
	var formats []v4l2.Format
	func() {
		device, err := v4l2.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer device.Close()
		if formats, err = device.Formats(); err != nil {
			t.Fatal(err)
		}
	}()
	bars := []color.NRGBA{{191, 191, 191, 0}, {191, 191, 0, 0}, {0, 191, 191, 0}, {0, 191, 0, 0}, {191, 0, 191, 0}, {191, 0, 0, 0}, {0, 0, 191, 0}, {0, 0, 0, 0}}
	tried := 0
	for _, f := range formats {
		code := f.Code.String()
		if !usable(code) {
			continue
		}
		tried++
		rotate := []int{0, 90, 180, 270}[tried%4]
		o := Options{Format: code, Size: image.Pt(320, 180), FPS: 60, Rotate: rotate, Quality: 95, Controls: []string{"osd_text_mode=none"}}
		frames := collect(t, open(t, "v4l2:"+path, o), 2)
		img, err := jpeg.Decode(bytes.NewReader(frames[1].JPEG))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range bars {
			x, y, tolerance := 20+40*i, 90, 12
			switch rotate {
			case 90:
				x, y = 179-y, x
			case 180:
				x, y = 319-x, 179-y
			case 270:
				x, y = y, 319-x
			}
			if strings.HasPrefix(code, "Y1") || code == "GREY" {
				want.R, _, _ = color.RGBToYCbCr(want.R, want.G, want.B)
				want.G, want.B = want.R, want.R
			}
			got := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if code == "GREY" || code[0] == 'Y' && code[1] == '1' {
				tolerance = 36 // the driver's own idea of what a colour's luma is
			}
			for _, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B)} {
				if max(d, -d) > tolerance {
					t.Errorf("%s turned by %d: bar %d is %v, want %v", code, rotate, i, got, want)
					break
				}
			}
		}
	}
	t.Logf("%d formats", tried)
	if tried < 20 {
		t.Errorf("%d formats of the driver are known", tried)
	}
}

// A camera can fail in these ways: damaged pictures, pictures without a buffer, a driver that gives up, and being
// unplugged.
func TestLabMishaps(t *testing.T) { testMishaps(t, vivid(t)) }

func TestLabPlanarMishaps(t *testing.T) { testMishaps(t, vivid(t, planar)) }

func testMishaps(t *testing.T, path string) {
	var counted skips
	var log logged
	src := open(t, "v4l2:"+path, Options{Size: image.Pt(320, 180), FPS: 30, Skip: counted.add, Log: log.logger()})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	frames, ended := make(chan protocol.Frame), make(chan error, 1)
	go func() {
		defer close(frames)
		defer close(ended)
		for f, err := range src.Frames(ctx) {
			if err != nil {
				ended <- err
				return
			}
			frames <- f.Keep()
		}
	}()
	last := time.Time{}
	next := func(n int) {
		t.Helper()
		for range n {
			f, ok := <-frames
			if !ok {
				t.Fatalf("it has ended: %v\n%s", <-ended, log.String())
			}
			if age := time.Since(f.Captured); !f.Captured.After(last) || age < 0 || age > 30*time.Second {
				t.Fatalf("captured at %v, after %v", f.Captured, last)
			}
			last = f.Captured
		}
	}
	count := func(reason string) int {
		counted.mu.Lock()
		defer counted.mu.Unlock()
		return counted.n[reason]
	}
	next(5)
	set(t, path, "inject_v4l2_buf_flag_error", 1)
	for count(Damaged) == 0 {
		next(1)
	}
	set(t, path, "percentage_of_dropped_buffers", 50)
	for count(Missed) < 5 {
		next(1)
	}
	set(t, path, "percentage_of_dropped_buffers", 0)
	set(t, path, "inject_fatal_streaming_error", 1)
	for strings.Count(log.String(), "msg=camera path") < 2 { // it has been opened again
		next(1)
	}
	next(5)

	// Pulled out, and plugged in again a second later.
	driver := "/sys/bus/platform/drivers/vivid/"
	write(t, driver+"unbind", "vivid.0")
	for !strings.Contains(log.String(), v4l2.ErrGone.Error()) {
		select {
		case _, ok := <-frames:
			if !ok {
				t.Fatalf("it has ended: %v\n%s", <-ended, log.String())
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	time.Sleep(time.Second)
	back := time.Now()
	write(t, driver+"bind", "vivid.0")
	next(1)
	took := time.Since(back)
	t.Logf("pictures again %v after the camera's return; left out %v", took.Round(time.Millisecond), counted.n)
	if took > 20*time.Second { // it should be two seconds, but this machine is emulated
		t.Errorf("%v", took)
	}
	next(5)
	cancel()
	for range frames {
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

// A camera that another program uses, one that may not be opened, and a device that is no camera.
func TestLabRefusals(t *testing.T) {
	path := vivid(t)
	device, err := v4l2.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	if _, err := device.Configure(v4l2.Mode{Code: v4l2.Code("YUYV")}); err != nil {
		t.Fatal(err)
	}
	if err := device.Start(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v4l2:" + path, path, "v4l2:"} {
		if err := failure(open(t, name, Options{})); !errors.Is(err, v4l2.ErrBusy) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open("v4l2:/dev/video77", Options{}); !errors.Is(err, ErrName) || !strings.Contains(err.Error(), path+" (vivid)") {
		t.Error(err)
	}
	if _, err := Open("v4l2:/dev/null", Options{}); !errors.Is(err, v4l2.ErrNoCamera) {
		t.Error(err)
	}
	cameras := Cameras()
	if len(cameras) != 1 || len(cameras[0].Formats) < 20 || len(cameras[0].Controls) < 20 || !cameras[0].Usable {
		t.Errorf("%+v", cameras)
	}
	// A name that udev gives.
	link := filepath.Join(t.TempDir(), "front")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	device.Close()
	for _, name := range []string{link, "v4l2:" + link, "v4l2:" + strings.TrimPrefix(path, "/dev/video")} {
		if frames := collect(t, open(t, name, Options{}), 1); len(frames) != 1 {
			t.Errorf("%s gives nothing", name)
		}
	}
}
