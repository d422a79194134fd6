package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/v4l2"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A fakeVideo is a camera that gives one picture again and again, every 40 ms, and fails in between as the test says.
type fakeVideo struct {
	info     v4l2.Info
	formats  []v4l2.Format
	controls []v4l2.Control
	pictures []fakePicture
	err      error // behind the last
	startErr error

	set    []string
	mode   v4l2.Mode
	ctx    context.Context
	closed bool
}

type fakePicture struct {
	data           []byte
	sequence       uint32
	stale, damaged int
}

func (f *fakeVideo) Info() v4l2.Info                   { return f.info }
func (f *fakeVideo) Formats() ([]v4l2.Format, error)   { return f.formats, nil }
func (f *fakeVideo) Controls() ([]v4l2.Control, error) { return f.controls, nil }
func (f *fakeVideo) Close() error                      { f.closed = true; return nil }

func (f *fakeVideo) Set(c v4l2.Control, value int64) error {
	f.set = append(f.set, fmt.Sprintf("%s=%d", c.Name, value))
	return nil
}

func (f *fakeVideo) Configure(m v4l2.Mode) (v4l2.Mode, error) { f.mode = m; return m, nil }

func (f *fakeVideo) Start(ctx context.Context, _ int) error { f.ctx = ctx; return f.startErr }

func (f *fakeVideo) Next(time.Duration) (p v4l2.Picture, err error) {
	select {
	case <-f.ctx.Done():
		return p, f.ctx.Err()
	case <-time.After(40 * time.Millisecond):
	}
	if len(f.pictures) == 0 {
		return p, f.err
	}
	next := f.pictures[0]
	f.pictures = f.pictures[1:]
	return v4l2.Picture{Data: next.data, Sequence: next.sequence, Captured: time.Now(), Stale: next.stale, Damaged: next.damaged}, nil
}

var mjpegFormats = []v4l2.Format{{Code: v4l2.Code("MJPG"), Sizes: []v4l2.Size{sized(1280, 720, 30)}}}

func sized(x, y int, rates ...float64) v4l2.Size {
	return v4l2.Size{Min: image.Pt(x, y), Max: image.Pt(x, y), Rates: rates}
}

// watch reads a camera for a while in simulated time. Meanwhile cameras come and go: element n of present has the paths of
// the cameras that are there when udpcam looks for the n-th time.
func watchCamera(t *testing.T, path string, o Options, present ...map[string]*fakeVideo) (frames [][]byte, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var opened []*fakeVideo
		now := 0
		o = o.withDefaults()
		o.rotatesRaw = true
		c := &v4l2Camera{path: path, o: o}
		c.devices = func() (paths []string) {
			for path := range present[now] {
				paths = append(paths, path)
			}
			slices.Sort(paths)
			return paths
		}
		c.open = func(path string) (videoDevice, error) {
			f := present[now][path]
			if f == nil {
				return nil, fs.ErrNotExist
			}
			opened = append(opened, f)
			return f, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for f, e := range c.Frames(ctx) {
			if err = e; e == nil {
				frames = append(frames, f.Keep().JPEG)
			}
			if len(frames)%3 == 0 && now < len(present)-1 {
				now++
			}
		}
		for _, f := range opened {
			if !f.closed {
				t.Error("a camera is left open")
			}
		}
	})
	return frames, err
}

func times(picture []byte, n int) (pictures []fakePicture) {
	for i := range n {
		pictures = append(pictures, fakePicture{data: picture, sequence: uint32(i)})
	}
	return pictures
}

// Pictures that are left out are counted by reason. All others come out as the camera gave them.
func TestCameraCounts(t *testing.T) {
	picture := street(t)[4]
	padded := append(bytes.Clone(picture), make([]byte, 5000)...)
	var counted skips
	camera := &fakeVideo{formats: mjpegFormats, err: v4l2.ErrGone, pictures: []fakePicture{
		{data: picture, sequence: 7},
		{data: padded, sequence: 8},
		{data: picture[:len(picture)/2], sequence: 9},
		{data: []byte("no picture"), sequence: 10},
		{data: picture, sequence: 14, stale: 2, damaged: 1},
		{data: picture, sequence: 20},
		{data: picture, sequence: 1 << 31}, // a driver that counts in its own way
		{data: picture, sequence: 3},
	}}
	frames, err := watchCamera(t, "/dev/video0", Options{Skip: counted.add}, map[string]*fakeVideo{"/dev/video0": camera})
	if err != nil || len(frames) != 6 {
		t.Errorf("%d frames: %v", len(frames), err)
	}
	for _, f := range frames {
		if !bytes.Equal(f, picture) {
			t.Error("a picture is not as the camera gave it")
		}
	}
	want := map[string]int{Damaged: 1, Outdated: 2, Missed: 5, string(mjpeg.Truncated): 1, string(mjpeg.Malformed): 1}
	if fmt.Sprint(counted.n) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", counted.n, want)
	}
}

// A camera that was unplugged is found again, at its old path or at another one. No other camera is mistaken for it.
func TestCameraComesBack(t *testing.T) {
	picture := street(t)[4]
	front, back := v4l2.Info{Path: "/dev/video0", Name: "front", Driver: "uvc"}, v4l2.Info{Path: "/dev/video2", Name: "back", Driver: "uvc"}
	moved := front
	moved.Path = "/dev/video4"
	one := func(info v4l2.Info) *fakeVideo {
		return &fakeVideo{info: info, formats: mjpegFormats, pictures: times(picture, 3), err: v4l2.ErrGone}
	}
	for _, path := range []string{"", "/dev/video0"} {
		frames, err := watchCamera(t, path, Options{},
			map[string]*fakeVideo{"/dev/video0": one(front)},
			map[string]*fakeVideo{"/dev/video0": one(back), "/dev/video4": one(moved)},
			map[string]*fakeVideo{"/dev/video0": one(front)},
			map[string]*fakeVideo{"/dev/video0": one(back), "/dev/video2": one(back)})
		if len(frames) != 9 || err != nil {
			t.Errorf("%q: %d frames, want 9: %v", path, len(frames), err)
		}
	}
}

// The first of several cameras that works is used. If none works, the error is that of the first one.
func TestFirstCameraThatWorks(t *testing.T) {
	picture := street(t)[4]
	broken := &fakeVideo{formats: mjpegFormats, startErr: fmt.Errorf("x: %w", v4l2.ErrBusy)}
	other := &fakeVideo{formats: []v4l2.Format{{Code: v4l2.Code("H264")}}}
	working := &fakeVideo{formats: mjpegFormats, pictures: times(picture, 2), err: v4l2.ErrGone}
	frames, err := watchCamera(t, "", Options{}, map[string]*fakeVideo{"/dev/video0": broken, "/dev/video1": other, "/dev/video2": working})
	if len(frames) != 2 || err != nil {
		t.Errorf("%d frames: %v", len(frames), err)
	}
	_, err = watchCamera(t, "", Options{}, map[string]*fakeVideo{"/dev/video0": broken, "/dev/video1": other})
	if !errors.Is(err, v4l2.ErrBusy) || !strings.Contains(err.Error(), "/dev/video0 is in use by another program") {
		t.Error(err)
	}
	if _, err = watchCamera(t, "", Options{}, map[string]*fakeVideo{}); !errors.Is(err, errNoCameras) {
		t.Error(err)
	}
	silent := &fakeVideo{formats: mjpegFormats, err: v4l2.ErrSilent}
	if _, err = watchCamera(t, "/dev/video0", Options{}, map[string]*fakeVideo{"/dev/video0": silent}); !errors.Is(err, v4l2.ErrSilent) {
		t.Error(err)
	}
	if _, err = watchCamera(t, "/dev/video0", Options{}, map[string]*fakeVideo{}); !errors.Is(err, ErrName) {
		t.Error(err)
	}
}

// JPEGs are turned without loss, or an error says why they cannot be. Raw pictures can always be turned.
func TestCameraRotates(t *testing.T) {
	picture := street(t)[4]
	camera := func(pictures ...fakePicture) map[string]*fakeVideo {
		return map[string]*fakeVideo{"/dev/video0": {formats: mjpegFormats, pictures: pictures, err: v4l2.ErrGone}}
	}
	frames, err := watchCamera(t, "", Options{Rotate: 90}, camera(times(picture, 3)...))
	if err != nil || len(frames) != 3 {
		t.Fatalf("%d frames: %v", len(frames), err)
	}
	if size, err := mjpeg.Size(frames[0]); size != image.Pt(240, 320) {
		t.Errorf("%v, %v", size, err)
	}
	odd, err := newJPEGEncoder(Options{Quality: 80}.withDefaults()).encode(image.NewYCbCr(image.Rect(0, 0, 40, 24), image.YCbCrSubsampleRatio420), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = watchCamera(t, "", Options{Rotate: 90}, camera(times(odd, 3)...))
	if !errors.Is(err, mjpeg.ErrRotate) || !strings.Contains(err.Error(), "its height, 24 pixels") {
		t.Error(err)
	}
	yuyv := map[string]*fakeVideo{"/dev/video0": {
		formats:  []v4l2.Format{{Code: v4l2.Code("YUYV"), Sizes: []v4l2.Size{sized(50, 30, 30)}}},
		pictures: append(times(make([]byte, 50*30*2), 2), fakePicture{data: make([]byte, 7), sequence: 2}), err: v4l2.ErrGone,
	}}
	var counted skips
	frames, err = watchCamera(t, "", Options{Rotate: 270, Text: "%T", Skip: counted.add}, yuyv)
	if err != nil || len(frames) != 2 || counted.n[string(mjpeg.Truncated)] != 1 {
		t.Fatalf("%d frames, %v left out: %v", len(frames), counted.n, err)
	}
	if size, err := mjpeg.Size(frames[0]); size != image.Pt(30, 50) {
		t.Errorf("%v, %v", size, err)
	}
}

func TestChoose(t *testing.T) {
	webcam := []v4l2.Format{
		{Code: v4l2.Code("YUYV"), Sizes: []v4l2.Size{sized(640, 480, 30, 15), sized(1280, 720, 10, 5), sized(1920, 1080, 5)}},
		{Code: v4l2.Code("MJPG"), Sizes: []v4l2.Size{sized(640, 480, 60, 30), sized(1280, 720, 60, 30), sized(1920, 1080, 30)}},
	}
	uncompressed := webcam[:1]
	free := []v4l2.Format{{Code: v4l2.Code("NV12"), Sizes: []v4l2.Size{{
		Min: image.Pt(32, 32), Max: image.Pt(2592, 1944), Step: image.Pt(16, 2), Rates: []float64{60, 1}, AnyRate: true}}}}
	sensor := []v4l2.Format{{Code: v4l2.Code("GREY"), Sizes: []v4l2.Size{sized(1280, 720, 30)}}, {Code: v4l2.Code("RGB3"), Sizes: []v4l2.Size{sized(1280, 720, 30)}}}
	mute := []v4l2.Format{{Code: v4l2.Code("JPEG")}}
	for name, test := range map[string]struct {
		formats []v4l2.Format
		o       Options
		want    string
	}{
		"default":            {webcam, Options{}, "1280x720 MJPG, 30 fps"},
		"exact":              {webcam, Options{Size: image.Pt(1920, 1080)}, "1920x1080 MJPG, 30 fps"},
		"near":               {webcam, Options{Size: image.Pt(1300, 700)}, "1280x720 MJPG, 30 fps"},
		"fast":               {webcam, Options{FPS: 60}, "1280x720 MJPG, 60 fps"},
		"too fast":           {webcam, Options{FPS: 90, Size: image.Pt(1920, 1080)}, "1920x1080 MJPG, 30 fps"},
		"slow":               {webcam, Options{FPS: 7, Format: "yuyv", Size: image.Pt(1280, 720)}, "1280x720 YUYV, 10 fps"},
		"raw":                {webcam, Options{Format: "raw", Size: image.Pt(640, 480)}, "640x480 YUYV, 30 fps"},
		"mjpeg":              {webcam, Options{Format: "MJPEG", Size: image.Pt(1, 1)}, "640x480 MJPG, 30 fps"},
		"text":               {webcam, Options{Text: "x", Size: image.Pt(640, 480)}, "640x480 YUYV, 30 fps"},
		"usual and raw":      {uncompressed, Options{}, "640x480 YUYV, 30 fps"},
		"size before rate":   {uncompressed, Options{Size: image.Pt(1920, 1080)}, "1920x1080 YUYV, 5 fps"},
		"rate before nature": {uncompressed, Options{FPS: 30}, "640x480 YUYV, 30 fps"},
		"any size":           {free, Options{Size: image.Pt(1000, 601), FPS: 25}, "992x600 NV12, 25 fps"},
		"larger than any":    {free, Options{Size: image.Pt(8000, 6000), FPS: 100}, "2592x1944 NV12, 60 fps"},
		"colour":             {sensor, Options{}, "1280x720 RGB3, 30 fps"},
		"says nothing":       {mute, Options{}, "1280x720 JPEG, 30 fps"},
		"no such format":     {webcam, Options{Format: "nv12"}, "bad source option: the camera has no format nv12; it has YUYV MJPG"},
		"no such thing":      {webcam, Options{Format: "h264"}, "bad source option: format h264"},
		"text and JPEG":      {webcam[1:], Options{Text: "x"}, "bad source option: text can be written"},
		"nothing usable":     {[]v4l2.Format{{Code: v4l2.Code("H264")}}, Options{}, "the camera has no format that can be sent as JPEG; it has H264"},
		"nothing":            {nil, Options{}, "the camera has no format that can be sent as JPEG; it has none"},
	} {
		mode, err := choose(test.formats, test.o)
		got := mode.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestControls(t *testing.T) {
	controls := []v4l2.Control{
		{Name: "brightness", Kind: v4l2.Integer, Min: -10, Max: 10},
		{Name: "auto_exposure", Kind: v4l2.Menu, Menu: []v4l2.MenuItem{{Value: 1, Name: "Manual Mode"}, {Value: 3, Name: "Aperture Priority Mode"}}},
		{Name: "white_balance_automatic", Kind: v4l2.Boolean, Max: 1},
		{Name: "reset", Kind: v4l2.Button},
		{Name: "serial", Kind: v4l2.Integer, Max: 9, ReadOnly: true},
	}
	for name, test := range map[string]struct {
		o    Options
		want string // what is set, or the error
	}{
		"none":             {Options{}, "[]"},
		"in order":         {Options{Controls: []string{"auto_exposure=1", "brightness=-3", "Brightness = 0x5"}}, "[auto_exposure=1 brightness=-3 brightness=5]"},
		"old name":         {Options{Controls: []string{"exposure_auto=3", "white_balance_temperature_auto=off"}}, "[auto_exposure=3 white_balance_automatic=0]"},
		"by entry":         {Options{Controls: []string{"auto_exposure=manual mode"}}, "[auto_exposure=1]"},
		"button":           {Options{Controls: []string{"reset=1"}}, "[reset=0]"},
		"quality":          {Options{Quality: 50}, "[]"}, // which this camera chooses itself
		"unknown":          {Options{Controls: []string{"zoom=1"}}, "bad source option: the camera has no control zoom; it has brightness auto_exposure"},
		"read only":        {Options{Controls: []string{"serial=1"}}, "bad source option: the control serial can only be read"},
		"out of range":     {Options{Controls: []string{"brightness=11"}}, "bad source option: control brightness=11: it can be -10 to 10"},
		"no entry":         {Options{Controls: []string{"auto_exposure=2"}}, "bad source option: control auto_exposure=2: it can be 1 (Manual Mode), 3 (Aper"},
		"no number":        {Options{Controls: []string{"brightness=much"}}, "bad source option: control brightness=much"},
		"without a value":  {Options{Controls: []string{"brightness"}}, `bad source option: control "brightness": give NAME=VALUE`},
		"without anything": {Options{Controls: []string{"="}}, `bad source option: control "="`},
	} {
		camera := &fakeVideo{controls: controls}
		live := &liveCamera{device: camera, o: test.o.withDefaults(), mode: v4l2.Mode{Code: v4l2.Code("MJPG")}}
		err := live.control(test.o.Controls)
		got := fmt.Sprint(camera.set)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestExpand(t *testing.T) {
	at := time.Date(2026, 3, 4, 15, 6, 7, 89e6, time.UTC)
	for text, want := range map[string]string{
		"": "", "Door": "Door", "%F %T": "2026-03-04 15:06:07", "%H.%M.%S,%N": "15.06.07,089", "100%%": "100%",
		"%a %d %b": "Wed 04 Mar", "%": "", "%Q": "", "x%": "",
	} {
		got, err := expand(text, at)
		if got != want || (err != nil) != (want == "" && text != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

// Repeated pictures of a live source are left out, up to a number in a row. All other pictures pass.
func TestDropSame(t *testing.T) {
	a, b := street(t)[4], street(t)[5]
	stream := bytes.Join([][]byte{a, a, a, a, a, b, a, a, b, b}, nil)
	for n, want := range map[int]string{0: "aaaaabaabb", 1: "aaabab", 2: "aabab", 9: "abab"} {
		var counted skips
		o := Options{DropSame: n, Skip: counted.add}.withDefaults()
		got := ""
		for _, f := range collect(t, &given{stream, o}, -1) {
			if bytes.Equal(f.JPEG, a) {
				got += "a"
			} else {
				got += "b"
			}
		}
		if got != want || counted.n[Repeated] != 10-len(want) {
			t.Errorf("%d: %s, want %s; %v", n, got, want, counted.n)
		}
	}
}

// A given source yields the pictures in some bytes.
type given struct {
	stream []byte
	o      Options
}

func (f *given) OnDemand() bool { return false }

func (g *given) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, g.o, func(_ context.Context, emit emitter) error {
		for r := g.o.pictures(bytes.NewReader(g.stream)); ; {
			if f, err := r.next(); err != nil {
				return nil
			} else if err := emit(f); err != nil {
				return err
			}
		}
	})
}
