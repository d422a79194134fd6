package raw

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os/exec"
	"testing"
)

// ffmpegNames are ffmpeg's for the formats that it knows.
var ffmpegNames = map[string]string{
	"NV12": "nv12", "NV21": "nv21", "YU12": "yuv420p", "YUYV": "yuyv422", "UYVY": "uyvy422", "YVYU": "yvyu422",
	"422P": "yuv422p", "NV24": "nv24", "NV42": "nv42", "RGB3": "rgb24", "BGR3": "bgr24",
	"XB24": "rgb0", "AB24": "rgba", "XR24": "bgr0", "AR24": "bgra", "BGR4": "bgr0", "BX24": "0rgb", "BA24": "argb", "RGB4": "0rgb",
	"RX24": "0bgr", "RA24": "abgr", "RGBP": "rgb565le", "GREY": "gray", "Y10": "gray10le", "Y12": "gray12le", "Y16": "gray16le",
}

// A picture that ffmpeg has converted to a format is decoded with its original colours.
func TestDecodeFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg")
	}
	const width, height = 46, 30 // even, because half of the formats need that, and no multiple of a larger number
	original := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			original.SetNRGBA(x, y, color.NRGBA{uint8(40 + x*4), uint8(60 + y*5), uint8(200 - x*2 - y), 255})
		}
	}
	for _, f := range formats {
		name := ffmpegNames[f.code]
		if name == "" {
			continue
		}
		convert := exec.Command("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgba",
			"-s", fmt.Sprintf("%dx%d", width, height), "-i", "-",
			"-sws_flags", "accurate_rnd+full_chroma_int", "-f", "rawvideo", "-pix_fmt", name, "-")
		convert.Stdin = bytes.NewReader(original.Pix)
		b, err := convert.Output()
		if err != nil {
			t.Fatalf("%s: %v", f.code, err)
		}
		fullRange := f.layout == rgb || f.layout == rgb565 || f.layout == grey // as ffmpeg has these
		d, err := New(f.code, image.Pt(width, height), 0, fullRange)
		if err != nil {
			t.Fatal(err)
		}
		img, err := d.Decode(b)
		if err != nil {
			t.Fatalf("%s: %v: %d bytes", f.code, err, len(b))
		}
		if _, err := d.Decode(b[:len(b)-1]); !errors.Is(err, ErrShort) {
			t.Errorf("%s: a byte less is %v", f.code, err)
		}
		worst := 0
		for y := range height {
			for x := range width {
				want, got := original.NRGBAAt(x, y), color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				if f.layout == grey {
					want.R, _, _ = color.RGBToYCbCr(want.R, want.G, want.B)
					want.G, want.B = want.R, want.R
				}
				for _, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B)} {
					worst = max(worst, d, -d)
				}
			}
		}
		if worst > 16 { // chroma is shared by up to four pixels, and 565 has few bits
			t.Errorf("%s: off by %d", f.code, worst)
		}
		if err := jpeg.Encode(&bytes.Buffer{}, img, nil); err != nil {
			t.Errorf("%s: %v", f.code, err)
		}
	}
}

// Gaps between rows and odd sizes make no difference. Turning puts every sample in its right place.
func TestStrideAndTurn(t *testing.T) {
	for _, f := range formats {
		for _, size := range []image.Point{{1, 1}, {7, 5}, {8, 6}, {17, 33}} {
			tight, err := New(f.code, size, 0, false)
			if err != nil {
				t.Fatal(err)
			}
			wide, _ := New(f.code, size, tight.row()+6, false)
			b := make([]byte, wide.need)
			for i := range b {
				b[i] = byte(rand.IntN(256))
			}
			img, err := wide.Decode(b)
			if err != nil {
				t.Fatalf("%s %v: %v", f.code, size, err)
			}
			if img.Bounds().Size() != size {
				t.Fatalf("%s %v: %v", f.code, size, img.Bounds())
			}
			if f.layout == packed || f.layout >= rgb { // whose rows are all there is
				rows := []byte{}
				for y := range size.Y {
					rows = append(rows, b[y*wide.stride:][:tight.row()]...)
				}
				other, err := tight.Decode(rows)
				if err != nil {
					t.Fatalf("%s %v: %v", f.code, size, err)
				}
				for y := range size.Y {
					for x := range size.X {
						if img.At(x, y) != other.At(x, y) {
							t.Fatalf("%s %v: the stride changes pixel %d,%d", f.code, size, x, y)
						}
					}
				}
			}
			quarterTurn, half := Turn(img, 90, "", nil), Turn(img, 180, "", nil)
			back := Turn(Turn(img, 270, "", nil), 90, "", nil)
			if size.X%2 == 0 && size.Y%2 == 0 { // else the chroma's last column is half one
				half = Turn(Turn(img, 0, "h", nil), 0, "v", nil)
				back = Turn(Turn(Turn(img, 90, "h", nil), 0, "v", nil), 90, "", nil) // 90 + 180 + 90
			}
			for y := range size.Y {
				for x := range size.X {
					lumaAt := func(img image.Image, x, y int) uint8 {
						if grey, ok := img.(*image.Gray); ok {
							return grey.GrayAt(x, y).Y
						}
						return img.(*image.YCbCr).YCbCrAt(x, y).Y
					}
					if lumaAt(quarterTurn, size.Y-1-y, x) != lumaAt(img, x, y) ||
						lumaAt(half, size.X-1-x, size.Y-1-y) != lumaAt(img, x, y) {
						t.Fatalf("%s %v: pixel %d,%d has gone elsewhere", f.code, size, x, y)
					}
					if back.At(x, y) != img.At(x, y) {
						t.Fatalf("%s %v: pixel %d,%d does not come back", f.code, size, x, y)
					}
				}
			}
		}
	}
}

func TestNewErrors(t *testing.T) {
	for _, test := range []struct {
		code string
		size image.Point
	}{{"H264", image.Pt(8, 8)}, {"YUYV", image.Pt(0, 8)}, {"YUYV", image.Pt(1<<20, 1<<20)}, {"YUYV", image.Pt(-1, -1)}} {
		if _, err := New(test.code, test.size, 0, false); err == nil {
			t.Errorf("%v is no error", test)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, code := range []string{"NV12", "YUYV", "RGB3"} {
		b.Run(code, func(b *testing.B) {
			d, _ := New(code, image.Pt(1280, 720), 0, false)
			memory := make([]byte, d.need)
			for b.Loop() {
				d.Decode(memory)
			}
		})
	}
}
