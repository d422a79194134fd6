package sink

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-sixel"

	"udpcam/internal/fuzzcost"
)

func decoded(t *testing.T, n string) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(street(t, n)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// apart returns how far two pictures of any size are apart: the mean difference of brightness in 8 × 6 areas, of 255.
func apart(a, b image.Image) float64 {
	bright := func(img image.Image, x, y int) float64 {
		r := img.Bounds()
		sum, n := 0, 0
		for py := r.Dy() * y / 6; py < r.Dy()*(y+1)/6; py++ {
			for px := r.Dx() * x / 8; px < r.Dx()*(x+1)/8; px++ {
				sum += int(color.GrayModel.Convert(img.At(r.Min.X+px, r.Min.Y+py)).(color.Gray).Y)
				n++
			}
		}
		return float64(sum) / float64(n)
	}
	var sum float64
	for y := range 6 {
		for x := range 8 {
			d := bright(a, x, y) - bright(b, x, y)
			sum += max(d, -d)
		}
	}
	return sum / 48
}

// Each of the three kinds of terminal shows the picture in the middle of the lines above the last one.
func TestTerminalRenders(t *testing.T) {
	picture := decoded(t, "1") // 768 × 576
	for name, test := range map[string]struct {
		can   abilities
		read  func(t *testing.T, text string) image.Image
		where string
		size  image.Point
	}{
		// The picture has 24 lines: 48 half blocks, or 24 × 16 pixels. Its proportions are 4 : 3.
		"true color": {abilities{trueColor: true}, readBlocks, "\x1b[1;9H", image.Pt(64, 48)},
		"256 colors": {abilities{}, readBlocks, "\x1b[1;9H", image.Pt(64, 48)},
		"sixel":      {abilities{sixel: true, cell: image.Pt(10, 20)}, readSixel, "\x1b[1;9H", image.Pt(640, 480)},
		"kitty":      {abilities{kitty: true, sixel: true}, readKitty, "\x1b[1;9H", image.Pt(512, 384)},
	} {
		t.Run(name, func(t *testing.T) {
			terminal := &Terminal{can: test.can, canvas: test.can.canvas()}
			for range 2 {
				terminal.buffer.Reset()
				if err := terminal.render(street(t, "1"), image.Pt(80, 25)); err != nil {
					t.Fatal(err)
				}
				text := terminal.buffer.String()
				if !strings.Contains(text, test.where) || !strings.HasSuffix(text, "\x1b[25;1H") {
					t.Errorf("%q … %q", text[:40], text[len(text)-40:])
				}
				got := test.read(t, text)
				if got.Bounds().Size() != test.size {
					t.Errorf("it has %v pixels, want %v", got.Bounds().Size(), test.size)
				}
				if d := apart(got, picture); d > 8 {
					t.Errorf("it differs by %.1f of 255", d)
				}
			}
			for _, size := range []image.Point{{}, {1, 1}, {1, 2}, {500, 2}, {2, 500}} {
				terminal.buffer.Reset()
				if err := terminal.render(street(t, "1"), size); err != nil {
					t.Errorf("%v: %v", size, err)
				}
			}
		})
	}
}

// readBlocks is a terminal that knows half blocks.
func readBlocks(t *testing.T, text string) image.Image {
	var rows [][2][]color.Color
	row := [2][]color.Color{}
	var colors [2]color.Color
	for _, m := range regexp.MustCompile(`\x1b\[([34])8;2;(\d+);(\d+);(\d+)m|\x1b\[([34])8;5;(\d+)m|▀|\x1b\[1?B`).FindAllStringSubmatch(text, -1) {
		var ground string
		switch {
		case m[0] == "▀":
			row[0], row[1] = append(row[0], colors[0]), append(row[1], colors[1])
		case m[1] != "":
			var c color.RGBA
			fmt.Sscan(m[2], &c.R)
			fmt.Sscan(m[3], &c.G)
			fmt.Sscan(m[4], &c.B)
			c.A, ground = 255, m[1]
			colors[ground[0]-'3'] = c
		case m[5] != "":
			var n int
			fmt.Sscan(m[6], &n)
			colors[m[5][0]-'3'] = xtermColor(n)
		default:
			rows, row = append(rows, row), [2][]color.Color{}
		}
	}
	rows = append(rows, row)
	img := image.NewRGBA(image.Rect(0, 0, len(rows[0][0]), 2*len(rows)))
	for y, row := range rows {
		for half, line := range row {
			for x, c := range line {
				img.Set(x, 2*y+half, c)
			}
		}
	}
	return img
}

// xtermColor is a colour of xterm's palette.
func xtermColor(n int) color.Color {
	if n >= 232 {
		return color.Gray{Y: uint8(8 + 10*(n-232))}
	}
	levels := [...]uint8{0, 95, 135, 175, 215, 255}
	n -= 16
	return color.RGBA{levels[n/36], levels[n/6%6], levels[n%6], 255}
}

// The nearest colour of xterm's palette is chosen.
func TestXterm256(t *testing.T) {
	for r := 0; r < 256; r += 17 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 17 {
				c := color.RGBA{uint8(r), uint8(g), uint8(b), 255}
				distance := func(n int) int {
					r, g, b, _ := xtermColor(n).RGBA()
					d := func(x uint32, y uint8) int { e := int(x>>8) - int(y); return e * e }
					return d(r, c.R) + d(g, c.G) + d(b, c.B)
				}
				best := 16
				for n := 17; n < 256; n++ {
					if distance(n) < distance(best) {
						best = n
					}
				}
				if got := xterm256(c); distance(got) > distance(best)+distance(best)/4+100 {
					t.Fatalf("%v is %d, %d apart, and not %d, %d apart", c, got, distance(got), best, distance(best))
				}
			}
		}
	}
}

func readSixel(t *testing.T, text string) image.Image {
	t.Helper()
	start, end := strings.Index(text, "\x1bP"), strings.LastIndex(text, "\x1b\\")
	var img image.Image
	if err := sixel.NewDecoder(strings.NewReader(text[start : end+2])).Decode(&img); err != nil {
		t.Fatal(err)
	}
	return img
}

func readKitty(t *testing.T, text string) image.Image {
	t.Helper()
	parts := regexp.MustCompile(`\x1b_G([^;]*);([^\x1b]*)\x1b\\`).FindAllStringSubmatch(text, -1)
	var width, height int
	for _, option := range strings.Split(parts[0][1], ",") {
		fmt.Sscanf(option, "s=%d", &width)
		fmt.Sscanf(option, "v=%d", &height)
	}
	if first := parts[0][1]; !strings.Contains(first, "c=64") || !strings.Contains(first, "r=24") || !strings.Contains(first, "f=24") {
		t.Error(first)
	}
	data := ""
	for _, p := range parts {
		data += p[2]
	}
	compressed, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	pixels, err := io.ReadAll(z)
	if err != nil || len(pixels) != 3*width*height {
		t.Fatalf("%d bytes for %d × %d: %v", len(pixels), width, height, err)
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.SetRGBA(i%width, i/width, color.RGBA{pixels[3*i], pixels[3*i+1], pixels[3*i+2], 255})
	}
	return img
}

// These answers are from real terminals: xterm, kitty, foot, tmux and the Linux console.
func TestParseAnswers(t *testing.T) {
	for text, want := range map[string]abilities{
		"":                                       {},
		"\x1b[?6c":                               {},
		"\x1b[?64;1;2;6;9;15;21;22;28c":          {},
		"\x1b[6;20;10t\x1b[?63;1;2;4;6;9;15;22c": {sixel: true, cell: image.Pt(10, 20)},
		"\x1b_Gi=31;OK\x1b\\\x1b[6;34;15t\x1b[?62;c":               {kitty: true, cell: image.Pt(15, 34)},
		"\x1b_Gi=31;ENOTSUPPORTED:no\x1b\\\x1b[?62;4;22c":          {sixel: true},
		"\x1b[6;0;0t\x1b[?1;2;4c":                                  {sixel: true},
		"\x1b[6;99999;10t\x1b[?1;2;40;14c":                         {},
		"keys typed meanwhile\x1b[A\x1b[?62;22;4c and some behind": {sixel: true},
	} {
		if got := parseAnswers(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// Any bytes from a terminal or its keyboard can be read without a panic.
func FuzzParseAnswers(f *testing.F) {
	f.Add("\x1b_Gi=31;OK\x1b\\\x1b[6;34;15t\x1b[?62;4c")
	f.Fuzz(func(t *testing.T, text string) {
		var a abilities
		bound := fuzzcost.Bound{Bytes: 16 << 10, Time: time.Millisecond}.Plus(len(text), 100, time.Microsecond)
		fuzzcost.Check(t, bound, func() { a = parseAnswers(text) })
		if a.cell != (image.Point{}) && (a.cell.X < 2 || a.cell.Y < 2 || a.cell.X > 200 || a.cell.Y > 200) {
			t.Errorf("a cell of %v", a.cell)
		}
	})
}
