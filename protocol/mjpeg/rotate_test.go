package mjpeg

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rotations are all that there are.
var rotations = []int{90, 180, 270}

// needs skips the test if a program is not there.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("needs %s", program)
	}
}

func streetPictures(t testing.TB) (pictures [][]byte) {
	t.Helper()
	for n := 1; n <= 8; n++ {
		b, err := os.ReadFile(fmt.Sprintf("testdata/street/%d.jpg", n))
		if err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, b)
	}
	return pictures
}

func rotate(t testing.TB, degrees int, picture []byte) []byte {
	t.Helper()
	r, err := NewRotator(degrees, "")
	if err != nil {
		t.Fatal(err)
	}
	turned, err := r.Rotate(picture)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(turned); err != nil {
		t.Fatal(err)
	}
	return turned
}

func decode(t testing.TB, picture []byte) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// samePixels fails the test if two pictures differ by more than the rounding of decoders makes.
func samePixels(t *testing.T, got, want image.Image, tolerance int) {
	t.Helper()
	if got.Bounds().Size() != want.Bounds().Size() {
		t.Fatalf("%v, want %v", got.Bounds(), want.Bounds())
	}
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			a, b := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(want.At(x, y)).(color.NRGBA)
			for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
				if max(d, -d) > tolerance {
					t.Fatalf("pixel %d,%d is %v, want %v", x, y, a, b)
				}
			}
		}
	}
}

// turned turns a picture pixel by pixel. This is slow, but plainly right.
type turned struct {
	image.Image
	degrees int
}

func (p turned) Bounds() image.Rectangle {
	b := p.Image.Bounds()
	if p.degrees%180 != 0 {
		b.Max = image.Pt(b.Dy(), b.Dx())
	}
	return b
}

func (p turned) At(x, y int) color.Color {
	b := p.Image.Bounds()
	switch p.degrees {
	case 90:
		x, y = y, b.Dy()-1-x
	case 180:
		x, y = b.Dx()-1-x, b.Dy()-1-y
	case 270:
		x, y = b.Dx()-1-y, x
	}
	return p.Image.At(x, y)
}

func TestRotatePixels(t *testing.T) {
	for _, degrees := range rotations {
		picture := streetPictures(t)[5]
		samePixels(t, decode(t, rotate(t, degrees, picture)), turned{decode(t, picture), degrees}, 4)
	}
}

// A mirrored picture is mirrored pixel by pixel, also after a turn. Mirrored again, it is as before.
func TestFlipPixels(t *testing.T) {
	picture := streetPictures(t)[5]
	for _, degrees := range []int{0, 90, 180, 270} {
		for _, flip := range []string{"h", "v"} {
			r, err := NewRotator(degrees, flip)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Rotate(picture)
			if err != nil || Check(got) != nil {
				t.Fatalf("%d %s: %v, %v", degrees, flip, err, Check(got))
			}
			samePixels(t, decode(t, got), mirrored{turned{decode(t, picture), degrees}, flip}, 4)
			back, _ := NewRotator(0, flip)
			straight, err := back.Rotate(got)
			if err != nil {
				t.Fatal(err)
			}
			samePixels(t, decode(t, straight), turned{decode(t, picture), degrees}, 4)
		}
	}
	if _, err := NewRotator(0, "x"); err == nil {
		t.Error("a flip that does not exist")
	}
}

// mirrored mirrors a picture pixel by pixel.
type mirrored struct {
	image.Image
	flip string
}

func (p mirrored) At(x, y int) color.Color {
	if b := p.Image.Bounds(); p.flip == "h" {
		x = b.Dx() - 1 - x
	} else {
		y = b.Dy() - 1 - y
	}
	return p.Image.At(x, y)
}

// After four quarter turns, every coefficient of a picture is as before.
func TestRotateAround(t *testing.T) {
	for i, picture := range streetPictures(t) {
		for _, degrees := range rotations {
			again := picture
			for range 360 / (map[int]int{90: 90, 180: 180, 270: 90})[degrees] {
				again = rotate(t, degrees, again)
			}
			var before, after coefficients
			if err := errors.Join(before.read(picture), after.read(again)); err != nil {
				t.Fatal(err)
			}
			for c := range before.components {
				a, b := before.components[c], after.components[c]
				for n := range a.blocks {
					if a.blocks[n] != b.blocks[n] {
						t.Fatalf("picture %d by %d: component %d, coefficient %d is %d and was %d", i, degrees, c, n, b.blocks[n], a.blocks[n])
					}
				}
			}
			samePixels(t, decode(t, again), decode(t, picture), 0)
		}
	}
}

// libjpeg's own lossless rotation gives the same coefficients: both results decode to the same pixels.
func TestRotateAsLibjpeg(t *testing.T) {
	needs(t, "jpegtran")
	needs(t, "cjpeg")
	dir := t.TempDir()
	ppm := filepath.Join(dir, "picture.ppm")
	writePPM(t, ppm, decode(t, streetPictures(t)[4]), image.Pt(96, 64))
	for _, how := range []string{"-sample 1x1", "-sample 2x1", "-sample 1x2", "-sample 2x2", "-sample 4x1", "-grayscale",
		"-optimize", "-restart 1", "-restart 3B", "-sample 2x1 -restart 2B -optimize", "-quality 100", "-quality 5"} {
		out, err := exec.Command("cjpeg", append(strings.Fields(how), ppm)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "picture.jpg")
		if err := os.WriteFile(path, out, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, degrees := range rotations {
			want, err := exec.Command("jpegtran", "-perfect", "-rotate", fmt.Sprint(degrees), path).Output()
			if err != nil {
				t.Fatal(err)
			}
			got := rotate(t, degrees, out)
			var a, b coefficients
			if err := errors.Join(a.read(got), b.read(want)); err != nil {
				t.Fatal(err)
			}
			for c := range a.components {
				if a.components[c].h != b.components[c].h || a.components[c].v != b.components[c].v {
					t.Errorf("%s by %d: component %d has other sampling factors", how, degrees, c)
				}
				for n := range a.components[c].blocks {
					if a.components[c].blocks[n] != b.components[c].blocks[n] {
						t.Fatalf("%s by %d: component %d, coefficient %d", how, degrees, c, n)
					}
				}
			}
			if how != "-sample 4x1" { // which Go decodes lying only
				samePixels(t, decode(t, got), decode(t, want), 0)
			}
		}
	}
}

func writePPM(t *testing.T, path string, img image.Image, size image.Point) {
	t.Helper()
	b := fmt.Appendf(nil, "P6\n%d %d\n255\n", size.X, size.Y)
	for y := range size.Y {
		for x := range size.X {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			b = append(b, c.R, c.G, c.B)
		}
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestRotateRefusals(t *testing.T) {
	encode := func(width, height int, ratio image.YCbCrSubsampleRatio) []byte {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, width, height), ratio), nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	odd, whole := image.YCbCrSubsampleRatio420, encode(32, 16, image.YCbCrSubsampleRatio420)
	progressive := bytes.Replace(bytes.Clone(whole), []byte{0xFF, 0xC0}, []byte{0xFF, 0xC2}, 1)
	claim := bytes.Clone(whole)
	copy(claim[bytes.Index(whole, []byte{0xFF, 0xC0})+5:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	scan := bytes.Index(whole, []byte{0xFF, markerSOS})
	damaged := append(bytes.Clone(whole[:scan+14]), 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, markerEOI)
	for name, test := range map[string]struct {
		picture []byte
		refused []int
		says    string
	}{
		"whole":       {whole, nil, ""},
		"high":        {encode(32, 24, odd), []int{90, 180}, "height, 24 pixels, is no multiple of its blocks' height, 16"},
		"wide":        {encode(24, 32, odd), []int{180, 270}, "width, 24 pixels, is no multiple of its blocks' width, 16"},
		"progressive": {progressive, rotations, "not a baseline JPEG"},
		"no tables":   {bytes.Replace(bytes.Clone(whole), standardDHT, nil, 1), rotations, "Huffman"},
		"65535×65535": {claim, rotations, "too large"},
		"damaged":     {damaged, rotations, "damaged"},
		"cut":         {whole[:len(whole)-2], rotations, "cut off"},
		"nothing":     {nil, rotations, "SOI"},
	} {
		for _, degrees := range rotations {
			r, _ := NewRotator(degrees, "")
			_, err := r.Rotate(test.picture)
			refused := strings.Contains(fmt.Sprint(test.refused), fmt.Sprint(degrees))
			if refused != (err != nil) || refused && (!errors.Is(err, ErrRotate) || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("%s by %d: %v", name, degrees, err)
			}
		}
	}
	if _, err := NewRotator(45, ""); err == nil {
		t.Error("45 degrees are no error")
	}
}

func BenchmarkRotate(b *testing.B) {
	picture := streetPictures(b)[0]
	r, _ := NewRotator(90, "")
	b.SetBytes(int64(len(picture)))
	for b.Loop() {
		if _, err := r.Rotate(picture); err != nil {
			b.Fatal(err)
		}
	}
}
