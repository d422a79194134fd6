package mjpeg

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"testing"
)

// A picture that was cut into strips and joined is the same as before.
func TestJoin(t *testing.T) {
	photo := decode(t, streetPictures(t)[4]).(*image.YCbCr)
	grey := image.NewGray(photo.Bounds())
	draw.Draw(grey, grey.Rect, photo, image.Point{}, draw.Src)
	for name, img := range map[string]interface {
		image.Image
		SubImage(image.Rectangle) image.Image
	}{"colour": photo, "grey": grey} {
		var whole bytes.Buffer
		if err := jpeg.Encode(&whole, img, nil); err != nil {
			t.Fatal(err)
		}
		for _, height := range []int{16, 32, 80, 128, 240} {
			var strips [][]byte
			for y := 0; y < 240; y += height {
				var b bytes.Buffer
				if err := jpeg.Encode(&b, img.SubImage(image.Rect(0, y, 320, y+height)), nil); err != nil {
					t.Fatal(err)
				}
				strips = append(strips, b.Bytes())
			}
			joined, err := Join(strips)
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(joined); err != nil {
				t.Fatal(err)
			}
			samePixels(t, decode(t, joined), decode(t, whole.Bytes()), 0)
			if _, err := Join(append(strips, strips[0][:100])); err == nil {
				t.Errorf("%s: a strip that is cut off passes", name)
			}
		}
	}
	if _, err := Join(nil); err == nil {
		t.Error("no strips are no error")
	}
	if _, err := Join([][]byte{streetPictures(t)[0], streetPictures(t)[4]}); err == nil {
		t.Error("strips of different pictures are no error")
	}
}
