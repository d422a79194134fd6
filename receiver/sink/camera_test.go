package sink

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/v4l2"
)

// A fakeCamera is a device as v4l2loopback makes them: while a program reads, it keeps its mode.
type fakeCamera struct {
	read   bool // a program reads it
	mode   v4l2.Mode
	opened int
	open   bool

	mu      sync.Mutex
	written [][]byte
	fails   error // what opening and writing return
}

func (f *fakeCamera) fail(err error) { f.mu.Lock(); defer f.mu.Unlock(); f.fails = err }
func (f *fakeCamera) failure() error { f.mu.Lock(); defer f.mu.Unlock(); return f.fails }

func (f *fakeCamera) Configure(want v4l2.Mode) (v4l2.Mode, error) {
	if !f.read {
		want.Stride = 0
		if want.Code == codeYUYV {
			want.Stride = 2*want.Size.X + 4 // a driver may want longer rows
		}
		f.mode = want
	}
	return f.mode, nil
}

func (f *fakeCamera) Write(picture []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written = append(f.written, bytes.Clone(picture))
	return f.fails
}

func (f *fakeCamera) count() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.written) }

func (f *fakeCamera) Close() error { f.open = false; return nil }

// start returns a sink that writes to the device.
func (f *fakeCamera) start(t *testing.T, o Options) *camera {
	t.Helper()
	c, err := (&camera{path: "/dev/video9", o: o, open: func(string) (cameraDevice, error) {
		if f.open {
			return nil, v4l2.ErrBusy
		}
		f.opened++
		f.open = f.failure() == nil
		return f, f.failure()
	}}).start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// last returns what was written last.
func (f *fakeCamera) last(t *testing.T) []byte {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.written) == 0 {
		t.Fatal("nothing was written")
	}
	return f.written[len(f.written)-1]
}

// pixel returns the colour of a pixel of YUYV, as a program sees it that reads the camera.
func (f *fakeCamera) pixel(t *testing.T, x, y int) color.RGBA {
	t.Helper()
	row := f.last(t)[y*f.mode.Stride:]
	luma, cb, cr := float64(row[2*x])-16, float64(row[x&^1*2+1])-128, float64(row[x&^1*2+3])-128
	at := func(v float64) uint8 { return uint8(min(255, max(0, math.Round(v)))) }
	luma, cb, cr = luma*255/219, cb*255/224, cr*255/224 // ITU-R BT.601
	return color.RGBA{at(luma + 1.402*cr), at(luma - 0.344136*cb - 0.714136*cr), at(luma + 1.772*cb), 255}
}

func near(a, b color.Color, most int) bool {
	ra, ga, ba, _ := a.RGBA()
	rb, gb, bb, _ := b.RGBA()
	for _, d := range []int{int(ra>>8) - int(rb>>8), int(ga>>8) - int(gb>>8), int(ba>>8) - int(bb>>8)} {
		if d < -most || d > most {
			return false
		}
	}
	return true
}

// halves returns a picture whose left part is red and whose right part is blue.
func halves(size image.Point, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	img := image.NewYCbCr(image.Rectangle{Max: size}, ratio)
	for y := range size.Y {
		for x := range size.X {
			r, g, b := uint8(230), uint8(20), uint8(30)
			if x >= size.X/2 {
				r, b = b, r
			}
			luma, cb, cr := color.RGBToYCbCr(r, g, b)
			img.Y[img.YOffset(x, y)], img.Cb[img.COffset(x, y)], img.Cr[img.COffset(x, y)] = luma, cb, cr
		}
	}
	return img
}

func encode(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The colours of a picture are the same for those who read the camera, whatever its chroma.
func TestCameraColours(t *testing.T) {
	mode := v4l2.Mode{Code: codeYUYV, Size: image.Pt(64, 48), Stride: 128}
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		img, f := halves(image.Pt(65, 48), ratio), &fakeCamera{mode: mode} // the last column has no room
		var canvas cameraCanvas
		canvas.fromYCbCr(img, mode)
		f.written = [][]byte{canvas.yuyv}
		for _, at := range []image.Point{{0, 0}, {20, 47}, {40, 0}, {63, 47}} {
			if got, want := f.pixel(t, at.X, at.Y), img.At(at.X, at.Y); !near(got, want, 4) {
				t.Errorf("%v, at %v: %v, want %v", ratio, at, got, color.RGBAModel.Convert(want))
			}
		}
	}
	// Grey, and whole pictures by way of a JPEG.
	grey := image.NewGray(image.Rect(0, 0, 32, 32))
	for i := range grey.Pix {
		grey.Pix[i] = 200
	}
	for _, img := range []image.Image{grey, halves(image.Pt(33, 31), image.YCbCrSubsampleRatio444), halves(image.Pt(1, 9), 0)} {
		f := &fakeCamera{}
		c := f.start(t, Options{})
		put(t, c, encode(t, img))
		last := f.mode.Size.Sub(image.Pt(1, 1))
		for _, at := range []image.Point{{0, 0}, {min(last.X, img.Bounds().Dx()-1), last.Y}} {
			if got, want := f.pixel(t, at.X, at.Y), img.At(at.X, at.Y); img.Bounds().Dx() > 1 && !near(got, want, 12) {
				t.Errorf("%v, at %v: %v, want %v", img.Bounds(), at, got, want)
			}
		}
		if len(f.last(t)) != f.mode.Stride*f.mode.Size.Y || f.mode.Size.X%2 != 0 {
			t.Errorf("%v: %d bytes of %v", img.Bounds(), len(f.last(t)), f.mode)
		}
	}
}

// A camera of JPEGs gets them as they are. One of another size is fitted in, with the colours that it has.
func TestCameraMJPEG(t *testing.T) {
	f := &fakeCamera{}
	c := f.start(t, Options{CameraMJPEG: true})
	for _, n := range []string{"1", "2", "3"} {
		put(t, c, street(t, n))
		if !bytes.Equal(f.last(t), street(t, n)) {
			t.Errorf("picture %s was changed", n)
		}
	}
	put(t, c, encode(t, halves(image.Pt(100, 300), image.YCbCrSubsampleRatio420)))
	img, err := jpeg.Decode(bytes.NewReader(f.last(t)))
	if err != nil || img.Bounds().Size() != image.Pt(768, 576) {
		t.Fatal(err, img.Bounds())
	}
	black, red, blue := color.RGBA{0, 0, 0, 255}, color.RGBA{230, 20, 30, 255}, color.RGBA{30, 20, 230, 255}
	for x, want := range map[int]color.RGBA{2: black, 340: red, 430: blue, 765: black} {
		if got := img.At(x, 300); !near(got, want, 12) {
			t.Errorf("at %d: %v, want %v", x, got, want)
		}
	}
}

// If nobody reads the camera, it takes the size of new pictures. Else new pictures are fitted to what the readers expect.
func TestCameraSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeCamera{}
		c := f.start(t, Options{})
		wide, high := encode(t, halves(image.Pt(320, 180), 0)), encode(t, halves(image.Pt(90, 180), 0))
		put(t, c, wide)
		size := func(want image.Point) {
			t.Helper()
			if f.mode.Size != want || len(f.last(t)) != f.mode.Stride*want.Y {
				t.Errorf("%v with %d bytes, want %v", f.mode, len(f.last(t)), want)
			}
		}
		size(image.Pt(320, 180))
		for range 10 { // alternating sizes do not open the device again and again
			put(t, c, high, wide)
		}
		size(image.Pt(320, 180))
		time.Sleep(settle)
		put(t, c, high)
		size(image.Pt(90, 180))
		if f.opened != 2 {
			t.Errorf("the device was opened %d times", f.opened)
		}

		f.read = true
		time.Sleep(settle)
		put(t, c, wide)
		size(image.Pt(90, 180))
		red, black := color.RGBA{230, 20, 30, 255}, color.RGBA{0, 0, 0, 255}
		if middle, bar := f.pixel(t, 20, 90), f.pixel(t, 20, 20); !near(middle, red, 12) || !near(bar, black, 2) {
			t.Errorf("not fitted in: %v and %v", middle, bar)
		}
		put(t, c, high)
		if got := f.pixel(t, 20, 20); !near(got, red, 12) {
			t.Errorf("a bar is left: %v", got)
		}
		f.read = false
		time.Sleep(settle)
		put(t, c, wide)
		size(image.Pt(320, 180))
		// A picture that no reader could take is made smaller.
		time.Sleep(settle)
		put(t, c, encode(t, image.NewGray(image.Rect(0, 0, 5000, 1000))))
		size(image.Pt(4096, 819))
	})
}
