package source

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"runtime"
	"testing"
	"time"

	"udpcam/internal/pattern"
)

// The picture is the same, whatever the number of processors that encode it.
func TestEncodeInStrips(t *testing.T) {
	for _, size := range []image.Point{{1280, 720}, {640, 482}, {333, 333}, {160, 120}} {
		p, err := pattern.New(size, "")
		if err != nil {
			t.Fatal(err)
		}
		img := p.Draw(pattern.Mark{Number: 7})
		var want image.Image
		for _, processors := range []int{1, 2, 3, 8} {
			func() {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
				encodings := 0
				o := Options{Quality: 80, Encoded: func(time.Duration) { encodings++ }}
				picture, err := newJPEGEncoder(o.withDefaults()).encode(img, time.Time{})
				if err != nil || encodings != 1 {
					t.Fatalf("%d encodings: %v", encodings, err)
				}
				got, err := jpeg.Decode(bytes.NewReader(picture))
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = got
				}
				if !bytes.Equal(got.(*image.YCbCr).Y, want.(*image.YCbCr).Y) || !bytes.Equal(got.(*image.YCbCr).Cb, want.(*image.YCbCr).Cb) {
					t.Errorf("%v: %d processors make another picture of it", size, processors)
				}
			}()
		}
	}
}

// With each encoder, the decoded picture is like the original.
func TestEncode(t *testing.T) {
	original, err := jpeg.Decode(bytes.NewReader(street(t)[0]))
	if err != nil {
		t.Fatal(err)
	}
	photo := original.(*image.YCbCr)
	size := photo.Rect.Size()
	grey := &image.Gray{Pix: photo.Y, Stride: photo.YStride, Rect: photo.Rect}
	half := image.NewYCbCr(photo.Rect, image.YCbCrSubsampleRatio422)
	for y := range size.Y {
		for x := range size.X {
			half.Y[half.YOffset(x, y)] = photo.Y[photo.YOffset(x, y)]
			half.Cb[half.COffset(x, y)], half.Cr[half.COffset(x, y)] = photo.Cb[photo.COffset(x, y)], photo.Cr[photo.COffset(x, y)]
		}
	}
	small := image.NewYCbCr(image.Rectangle{Max: size.Div(2)}, image.YCbCrSubsampleRatio420)
	for y := range size.Y / 2 {
		for x := range size.X / 2 {
			small.Y[small.YOffset(x, y)] = photo.Y[photo.YOffset(x, y)]
			small.Cb[small.COffset(x, y)], small.Cr[small.COffset(x, y)] = photo.Cb[photo.COffset(x, y)], photo.Cr[photo.COffset(x, y)]
		}
	}
	encoder := newJPEGEncoder(Options{Quality: 90}.withDefaults()) // one for all, in any order
	for name, img := range map[string]image.Image{"4:2:0": photo, "4:2:2": half, "grey": grey, "small": small} {
		size := img.Bounds().Size()
		picture, err := encoder.encode(img, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := jpeg.Decode(bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		if got.Bounds().Size() != size {
			t.Fatalf("%s: %v", name, got.Bounds())
		}
		off := 0
		for y := 0; y < size.Y; y += 3 {
			for x := 0; x < size.X; x += 3 {
				a, b := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
					off += max(d, -d)
				}
			}
		}
		if mean := float64(off) / float64(size.X*size.Y/3); mean > 4 {
			t.Errorf("%s: colours are off by %.1f on average", name, mean)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	img, err := jpeg.Decode(bytes.NewReader(street(b)[0]))
	if err != nil {
		b.Fatal(err)
	}
	encoder := newJPEGEncoder(Options{Quality: 80}.withDefaults())
	for b.Loop() {
		if _, err := encoder.encode(img, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}
