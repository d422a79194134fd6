package pattern

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/jpeg"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/image/draw"
)

var marks = []Mark{
	{0, time.UnixMicro(0)},
	{1, noon},
	{123_456_789, noon.Add(987_654_321 * time.Microsecond)},
	{1<<32 - 1, time.Date(2261, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
}

func wantMark(t *testing.T, img image.Image, want Mark) {
	t.Helper()
	got, err := Read(img)
	if err != nil {
		t.Errorf("%v: %v", img.Bounds(), err)
	} else if got.Number != want.Number || !got.Captured.Equal(want.Captured) {
		t.Errorf("%v: read %v, want %v", img.Bounds(), got, want)
	}
}

func throughJPEG(t *testing.T, img image.Image, quality int) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// scaled returns the picture at another size.
func scaled(img image.Image, by draw.Scaler, x, y float64) *image.RGBA {
	b := img.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, int(x*float64(b.Dx())+0.5), int(y*float64(b.Dy())+0.5)))
	by.Scale(dst, dst.Rect, img, b, draw.Src, nil)
	return dst
}

// cluttered returns the picture inside a larger one that is full of boxes and stripes, with its top left corner at at.
func cluttered(img image.Image, at image.Point, seed uint64) *image.RGBA {
	r := rand.New(rand.NewPCG(seed, 0))
	page := image.NewRGBA(image.Rect(0, 0, at.X+img.Bounds().Dx()+43, at.Y+img.Bounds().Dy()+57))
	box := func(b image.Rectangle) {
		c := color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255}
		draw.Draw(page, b, image.NewUniform(c), image.Point{}, draw.Src)
	}
	box(page.Rect)
	for range 300 {
		p := image.Pt(r.IntN(page.Rect.Dx()), r.IntN(page.Rect.Dy()))
		box(image.Rectangle{p, p.Add(image.Pt(r.IntN(60), r.IntN(30)))})
	}
	for x := 0; x < page.Rect.Dx(); x += 6 { // Looks like a ruler, but has no end.
		draw.Draw(page, image.Rect(x, 0, x+3, at.Y/2), image.Black, image.Point{}, draw.Src)
	}
	draw.Draw(page, img.Bounds().Sub(img.Bounds().Min).Add(at), img, img.Bounds().Min, draw.Src)
	return page
}

func TestReadWhatWasDrawn(t *testing.T) {
	for _, size := range []image.Point{
		{160, 120}, {161, 121}, {176, 144}, {320, 240}, {333, 251}, {640, 480}, {720, 576}, {1280, 720}, {720, 1280},
		{1920, 1080}, {3840, 2160}, {4000, 120}, {160, 2000},
	} {
		t.Run(fmt.Sprintf("%dx%d", size.X, size.Y), func(t *testing.T) {
			p := newPattern(t, size.X, size.Y)
			for i, quality := range []int{30, 50, 90, 100} {
				img := p.Draw(marks[i])
				wantMark(t, img, marks[i])
				if i == 0 || size.X <= 1280 {
					wantMark(t, throughJPEG(t, img, quality), marks[i])
				}
			}
		})
	}
}

// This does to a frame what a viewer's window and a screenshot do: it makes a JPEG of the worst quality, changes the size,
// puts other things around the picture, and makes a JPEG again.
func TestReadFromAWindow(t *testing.T) {
	scalers := map[string]draw.Scaler{
		"nearest": draw.NearestNeighbor, "bilinear": draw.ApproxBiLinear, "cubic": draw.CatmullRom,
	}
	for _, size := range []image.Point{{160, 120}, {320, 240}, {480, 360}} {
		for name, scaler := range scalers {
			t.Run(fmt.Sprintf("%dx%d %s", size.X, size.Y, name), func(t *testing.T) {
				p := newPattern(t, size.X, size.Y)
				for i, scale := range [][2]float64{
					{0.5, 0.5}, {0.55, 0.55}, {0.7, 0.7}, {0.85, 0.85}, {1, 1}, {1.1, 1.1}, {1.37, 1.37}, {2, 2},
					{0.5, 0.9}, {1, 0.55}, {1.9, 1.1},
				} {
					m := Mark{uint32(i) * 0x1234567, noon.Add(time.Duration(i) * 1_234_567 * time.Microsecond)}
					img := scaled(throughJPEG(t, p.Draw(m), 30), scaler, scale[0], scale[1])
					page := cluttered(img, image.Pt(17+i*7, 23+i*5), uint64(i))
					wantMark(t, page, m)
					wantMark(t, throughJPEG(t, page, 50), m)
					if t.Failed() {
						t.Fatalf("at scale %v", scale)
					}
				}
			})
		}
	}
}

func TestReadAnyType(t *testing.T) {
	drawn := newPattern(t, 320, 240).Draw(marks[2])
	frame := image.Rect(0, 0, 350, 260)
	at := drawn.Rect.Add(image.Pt(21, 11))
	for _, img := range []draw.Image{
		image.NewGray(frame), image.NewGray16(frame), image.NewRGBA(frame), image.NewNRGBA(frame),
		image.NewRGBA64(frame), image.NewPaletted(frame, palette.Plan9),
	} {
		t.Run(fmt.Sprintf("%T", img), func(t *testing.T) {
			draw.Draw(img, at, drawn, image.Point{}, draw.Src)
			wantMark(t, img, marks[2])
			// Read also works for a part of a picture, which does not begin at 0, 0 and whose stride is longer than a row.
			part := img.(interface {
				SubImage(image.Rectangle) image.Image
			}).SubImage(image.Rect(101, 73, 345, 255))
			wantMark(t, part, marks[2])
		})
	}
	t.Run("*image.YCbCr", func(t *testing.T) {
		wantMark(t, drawn.SubImage(image.Rect(101, 73, 320, 240)), marks[2])
	})
}

func TestReadFindsNothing(t *testing.T) {
	p := newPattern(t, 320, 240)
	upper, lower := newPattern(t, 320, 240).Draw(marks[1]), p.Draw(marks[2])
	torn := image.NewGray(upper.Rect)
	draw.Draw(torn, image.Rect(0, 0, 320, 195), upper, image.Point{}, draw.Src)
	draw.Draw(torn, image.Rect(0, 195, 320, 240), lower, image.Pt(0, 195), draw.Src)

	for name, img := range map[string]image.Image{
		"no code on the plate": p.static,
		"two frames torn":      torn,
		"half a code":          lower.SubImage(image.Rect(0, 0, 250, 240)),
		"too small":            scaled(lower, draw.BiLinear, 0.2, 0.2),
		"black":                image.NewGray(image.Rect(0, 0, 100, 100)),
		"empty":                image.NewGray(image.Rectangle{}),
		"no height":            image.NewGray(image.Rect(0, 0, 10, 0)),
		"one pixel":            image.NewGray(image.Rect(5, 5, 6, 6)),
		"endless":              image.NewUniform(color.Black),
	} {
		if m, err := Read(img); !errors.Is(err, ErrNoCode) {
			t.Errorf("%s: read %v, %v", name, m, err)
		}
	}
}

func TestReadNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	img := image.NewGray(image.Rect(0, 0, 400, 300))
	for i := range 60 {
		grain := 1 + i%5 // Noise in squares of one to five pixels, which look like cells.
		for y := range 300 {
			for x := range 400 {
				switch {
				case y%grain != 0:
					img.Pix[y*400+x] = img.Pix[(y-1)*400+x]
				case x%grain != 0:
					img.Pix[y*400+x] = img.Pix[y*400+x-1]
				default:
					img.Pix[y*400+x] = uint8(r.Uint32())
				}
			}
		}
		if m, err := Read(img); err == nil {
			t.Errorf("noise reads as %v", m)
		}
	}
}

// ffmpeg makes a film of the frames, in which frames depend on one another, and smaller pictures with a border.
func TestReadAfterFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("there is no ffmpeg here")
	}
	var sent []Mark
	var jpegs bytes.Buffer
	p := newPattern(t, 640, 480)
	for i := range 12 {
		m := Mark{uint32(i), noon.Add(time.Duration(i) * 33_333 * time.Microsecond)}
		if err := jpeg.Encode(&jpegs, p.Draw(m), nil); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, m)
	}
	film := ffmpeg(t, jpegs.Bytes(), "-f", "mjpeg", "-i", "-", "-vf", "scale=400:300,pad=480:360:31:17",
		"-c:v", "mpeg2video", "-b:v", "800k", "-bf", "2", "-f", "mpegts", "-")
	pictures := ffmpeg(t, film, "-i", "-", "-f", "rawvideo", "-pix_fmt", "gray", "-")
	img := image.NewGray(image.Rect(0, 0, 480, 360))
	if len(pictures) != len(sent)*len(img.Pix) {
		t.Fatalf("%d bytes came back, not %d pictures of %d", len(pictures), len(sent), len(img.Pix))
	}
	for i, m := range sent {
		copy(img.Pix, pictures[i*len(img.Pix):])
		wantMark(t, img, m)
	}
}

func ffmpeg(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-nostdin"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v: %s", cmd, err, &said)
	}
	return out
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []image.Point{{640, 480}, {1280, 720}, {1920, 1080}} {
		p := newPattern(b, size.X, size.Y)
		frame := p.Draw(marks[2])
		page := image.NewRGBA(frame.Rect)
		draw.Draw(page, page.Rect, frame, image.Point{}, draw.Src)
		for name, img := range map[string]image.Image{"YCbCr": frame, "RGBA": page, "none": p.static} {
			b.Run(fmt.Sprintf("%s %dx%d", name, size.X, size.Y), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Read(img); (err != nil) != (name == "none") {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
