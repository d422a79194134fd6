package source

import (
	"bytes"
	"image"
	"image/jpeg"
	"runtime"
	"testing"
	"time"

	"udpcam/sender/source/pattern"
)

// However many processors encode it, the picture is the same.
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
				picture, err := newJPEGEncoder(o.withDefaults()).encode(img)
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

func BenchmarkEncode(b *testing.B) {
	img, err := jpeg.Decode(bytes.NewReader(street(b)[0]))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := newJPEGEncoder(Options{Quality: 80}.withDefaults()).encode(img); err != nil {
			b.Fatal(err)
		}
	}
}
