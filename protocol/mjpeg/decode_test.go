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
	"time"

	"udpcam/internal/fuzzcost"
)

// eighthOf decodes a picture at an eighth of its size.
func eighthOf(t testing.TB, picture []byte) image.Image {
	t.Helper()
	img, err := new(Decoder).Decode(picture, image.Pt(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	size, err := Size(picture)
	if err != nil {
		t.Fatal(err)
	}
	if want := image.Pt((size.X+7)/8, (size.Y+7)/8); img.Bounds().Size() != want {
		t.Fatalf("%v pixels, want %v of %v", img.Bounds().Size(), want, size)
	}
	return img
}

// sameMeans fails the test if the pixels of small are not the means of 8 × 8 pixels of the whole picture. Of colours only
// the mean of all is compared: where a picture has chroma of half the size, so has its eighth.
func sameMeans(t *testing.T, name string, small, whole image.Image) {
	t.Helper()
	b := whole.Bounds()
	wide, high := b.Dx()/8, b.Dy()/8 // without blocks at the edge, of whose means padding is a part
	lightness, colors := 0, [3]int{}
	for y := range high {
		for x := range wide {
			var sum [3]int
			for i := range 64 {
				c := color.NRGBAModel.Convert(whole.At(b.Min.X+8*x+i%8, b.Min.Y+8*y+i/8)).(color.NRGBA)
				sum[0], sum[1], sum[2] = sum[0]+int(c.R), sum[1]+int(c.G), sum[2]+int(c.B)
			}
			c := color.NRGBAModel.Convert(small.At(x, y)).(color.NRGBA)
			light := 0
			for i, v := range []uint8{c.R, c.G, c.B} {
				d := int(v) - sum[i]/64
				colors[i] += d
				light += d * []int{3, 6, 1}[i] / 10
			}
			lightness = max(lightness, light, -light)
		}
	}
	if lightness > 12 {
		t.Errorf("%s: lightness differs by up to %d", name, lightness)
	}
	for i, sum := range colors {
		if max(sum, -sum) > 8*wide*high {
			t.Errorf("%s: colour %d differs by %d on average", name, i, sum/(wide*high))
		}
	}
}

func TestEighth(t *testing.T) {
	for i, picture := range append(streetPictures(t), picturesIn(t, "small")...) {
		whole, err := jpeg.Decode(bytes.NewReader(picture))
		if err != nil {
			continue // arithmetic coding
		}
		sameMeans(t, fmt.Sprint(i), eighthOf(t, picture), whole)
	}
}

// All kinds that libjpeg writes give the same eighth, those with scans of single components and of single bits too.
func TestEighthOfAllKinds(t *testing.T) {
	needs(t, "cjpeg")
	dir := t.TempDir()
	ppm, scans := filepath.Join(dir, "picture.ppm"), filepath.Join(dir, "scans")
	if err := os.WriteFile(scans, []byte("0;1;2;"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, size := range []image.Point{{96, 64}, {97, 61}, {8, 8}, {1, 1}, {200, 9}} {
		writePPM(t, ppm, decode(t, streetPictures(t)[4]), size)
		for _, how := range []string{"-sample 1x1", "-sample 2x1", "-sample 1x2", "-sample 2x2", "-grayscale", "-optimize",
			"-restart 1", "-restart 3B", "-sample 2x1 -restart 2B -optimize", "-quality 100", "-quality 1",
			"-progressive", "-progressive -sample 2x1", "-progressive -grayscale", "-progressive -restart 1B",
			"-scans " + scans, "-scans " + scans + " -sample 1x2 -restart 1B"} {
			out, err := exec.Command("cjpeg", append(strings.Fields(how), ppm)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			small := eighthOf(t, out)
			whole, err := jpeg.Decode(bytes.NewReader(out))
			if err != nil {
				t.Logf("%s, %v: %v", how, size, err)
				continue
			}
			sameMeans(t, fmt.Sprint(how, size), small, whole)
		}
	}
}

// A picture is decoded as a whole if its eighth is too small for the screen.
func TestDecodeSize(t *testing.T) {
	street := streetPictures(t)[0] // 768 × 576
	large := flat(markerSOF0, 8192, 4096, 3, 1)
	for _, test := range []struct {
		picture     []byte
		drawn, want image.Point
	}{
		{street, image.Pt(96, 72), image.Pt(96, 72)},
		{street, image.Pt(97, 72), image.Pt(768, 576)},
		{street, image.Pt(96, 73), image.Pt(768, 576)},
		{large, image.Pt(1024, 512), image.Pt(1024, 512)},
		{large, image.Pt(1025, 513), image.Pt(1024, 512)}, // as a whole it takes too much memory
	} {
		img, err := new(Decoder).Decode(test.picture, test.drawn)
		if err != nil || img.Bounds().Size() != test.want {
			t.Errorf("%v: %v and %v, want %v", test.drawn, img.Bounds(), err, test.want)
		}
	}
}

// hostilePictures would take hundreds of megabytes, or hours.
func hostilePictures() map[string][]byte {
	with := func(b []byte, more ...[]byte) []byte { return join(b[:2], join(more...), b[2:]) }
	cmyk := func(b []byte) []byte {
		return with(b, segment(markerAPP14, []byte("Adobe\x00\x00\x00\x00\x00\x00\x00")...))
	}
	tables := bytes.Repeat(standardDHT, 1000)
	return map[string][]byte{
		"a claim":                     flat(markerSOF0, 8192, 8192, 3, 1)[:166],
		"a progressive claim":         append(flat(markerSOF2, 8192, 8192, 3, 1)[:200], eoi...),
		"the largest claim":           append(flat(markerSOF2, 65535, 65535, 4, 1)[:200], eoi...),
		"8192 x 8192":                 flat(markerSOF0, 8192, 8192, 3, 1),
		"8192 x 8192, progressive":    flat(markerSOF2, 8192, 8192, 3, 1),
		"the largest":                 flat(markerSOF0, 8192, 4096, 3, 1),
		"the largest as a whole":      flat(markerSOF0, 4096, 1365, 3, 1),
		"the largest progressive":     flat(markerSOF2, 4096, 2048, 3, 1),
		"progressive as a whole":      flat(markerSOF2, 1280, 870, 3, 1),
		"four components":             cmyk(flat(markerSOF0, 2048, 1020, 4, 1)),
		"four, too large":             cmyk(flat(markerSOF0, 4096, 4096, 4, 1)),
		"four, progressive":           cmyk(flat(markerSOF2, 4096, 2048, 4, 1)),
		"red, green, blue":            cmyk(flat(markerSOF0, 4096, 4096, 3, 1)),
		"arithmetic":                  flat(0xC9, 4096, 4096, 3, 1),
		"12 bits":                     bytes.Replace(flat(markerSOF1, 4096, 4096, 3, 1), []byte{0, 17, 8}, []byte{0, 17, 12}, 1),
		"hierarchical":                flat(markerDHP, 4096, 4096, 3, 1),
		"lossless":                    flat(0xC3, 4096, 4096, 3, 1),
		"a thousand scans":            flat(markerSOF2, 1024, 1024, 1, 1000),
		"as many as may be":           flat(markerSOF2, 1024, 1024, 1, 128),
		"a thousand of a few pixels":  flat(markerSOF2, 8, 8, 1, 2000),
		"narrow":                      flat(markerSOF0, 1, 65535, 3, 1),
		"a restart after each block":  with(flat(markerSOF0, 4096, 4096, 3, 1), segment(0xDD, 0, 1)),
		"16-bit quantization":         with(flat(markerSOF0, 1024, 1024, 3, 1), segment(0xDB, bytes.Repeat([]byte{0x10}, 129)...)),
		"a thousand times the tables": with(flat(markerSOF0, 64, 64, 3, 1), tables),
	}
}

// A picture costs bounded memory and time, whatever it claims.
func TestHostilePictures(t *testing.T) {
	for name, picture := range hostilePictures() {
		t.Run(name, func(t *testing.T) {
			for _, drawn := range []image.Point{{80, 48}, {1920, 1080}} {
				bound := fuzzcost.Bound{Bytes: maxMemory + 1<<20, Time: time.Second}
				fuzzcost.Check(t, bound, func() { new(Decoder).Decode(picture, drawn) })
			}
		})
	}
}

func TestDecoderErrors(t *testing.T) {
	d := &Decoder{MaxPixels: 768*576 - 1}
	if _, err := d.Decode(streetPictures(t)[0], image.Pt(10, 10)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a picture above the limit: %v", err)
	}
	for _, name := range []string{"four, too large", "red, green, blue", "8192 x 8192"} {
		if _, err := new(Decoder).Decode(hostilePictures()[name], image.Pt(10, 10)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	street := streetPictures(t)[0]
	for name, picture := range map[string][]byte{
		"cut off": street[:len(street)/2], "nothing": nil, "no JPEG": []byte("GIF89a"), "0 wide": flat(markerSOF0, 0, 16, 1, 1),
		"damaged, too large as a whole": append(flat(markerSOF0, 4096, 4096, 3, 1)[:100_000], eoi...),
	} {
		for _, drawn := range []image.Point{{10, 10}, {1000, 1000}} {
			if img, err := new(Decoder).Decode(picture, drawn); err == nil || errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: %v, %v", name, img.Bounds(), err)
			}
		}
	}
}

// A Decoder uses its memory again.
func TestDecoderAllocates(t *testing.T) {
	var d Decoder
	picture := flat(markerSOF0, 4096, 4096, 3, 1)
	if allocs := testing.AllocsPerRun(5, func() { d.Decode(picture, image.Pt(80, 48)) }); allocs > 50 {
		t.Errorf("%v allocations a picture", allocs)
	}
}

func BenchmarkDecoder(b *testing.B) {
	picture := streetPictures(b)[0]
	for name, drawn := range map[string]image.Point{"eighth": {80, 48}, "whole": {800, 480}} {
		b.Run(name, func(b *testing.B) {
			var d Decoder
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Decode(picture, drawn); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
