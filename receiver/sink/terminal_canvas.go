package sink

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"slices"

	"github.com/mattn/go-sixel"
)

// maxWide is the widest picture that kitty gets, in pixels. A wider one would take too long.
const maxWide = 960

// kittyCanvas draws with the graphics of kitty, which WezTerm, Ghostty and Konsole have too. Each picture replaces the
// last. See https://sw.kovidgoyal.net/kitty/graphics-protocol/
type kittyCanvas struct{ cell image.Point }

// pixels returns the size of the cells, or less in the same proportions, because a terminal scales the picture.
func (k kittyCanvas) pixels(cells image.Point) image.Point {
	size := image.Pt(cells.X*k.cell.X, cells.Y*k.cell.Y)
	if size.X > maxWide {
		size = image.Pt(maxWide, max(1, size.Y*maxWide/size.X))
	}
	return size
}

func (k kittyCanvas) draw(b *bytes.Buffer, img *image.RGBA, cells image.Point) error {
	var packed bytes.Buffer
	z, err := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if err != nil {
		return err
	}
	rgb := make([]byte, 0, 3*len(img.Pix)/4)
	for pixel := range slices.Chunk(img.Pix, 4) {
		rgb = append(rgb, pixel[:3]...)
	}
	z.Write(rgb) // to memory does not fail
	z.Close()
	// Transmit and place (a=T) 24-bit pixels (f=24), compressed (o=z), as image 1 where that was, and do not answer (q=2).
	options := fmt.Sprintf("a=T,f=24,o=z,t=d,q=2,i=1,p=1,C=1,s=%d,v=%d,c=%d,r=%d,",
		img.Rect.Dx(), img.Rect.Dy(), cells.X, cells.Y)
	const chunk = 4096 // bytes at most in one sequence
	for text := base64.StdEncoding.EncodeToString(packed.Bytes()); ; options = "" {
		n, more := min(chunk, len(text)), 1
		if n == len(text) {
			more = 0
		}
		fmt.Fprintf(b, "\x1b_G%sm=%d;%s\x1b\\", options, more, text[:n])
		if text = text[n:]; more == 0 {
			return nil
		}
	}
}

// sixelCanvas draws sixels, which xterm -ti vt340, foot, mlterm, Windows Terminal and tmux have.
type sixelCanvas struct {
	cell    image.Point
	out     *bytes.Buffer
	encoder *sixel.Encoder // kept for its table of colours
}

// Write receives the output of the encoder for the picture that is being drawn.
func (s *sixelCanvas) Write(b []byte) (int, error) { return s.out.Write(b) }

func newSixelCanvas(cell image.Point) *sixelCanvas {
	s := &sixelCanvas{cell: cell}
	s.encoder = sixel.NewEncoder(s)
	s.encoder.Palette = palette.Plan9[:255]
	s.encoder.Dither = true
	return s
}

// pixels returns the size of the cells, because a terminal does not scale sixels.
func (s *sixelCanvas) pixels(cells image.Point) image.Point {
	return image.Pt(cells.X*s.cell.X, cells.Y*s.cell.Y)
}

func (s *sixelCanvas) draw(b *bytes.Buffer, img *image.RGBA, _ image.Point) error {
	s.out = b
	return s.encoder.Encode(img)
}

// halfBlocks draws two pixels in each cell. An upper half block has the colour of the upper pixel, and the background that
// of the lower.
type halfBlocks struct{ trueColor bool }

func (halfBlocks) pixels(cells image.Point) image.Point { return image.Pt(cells.X, 2*cells.Y) }

func (h halfBlocks) draw(b *bytes.Buffer, img *image.RGBA, cells image.Point) error {
	for y := range cells.Y {
		var above, below color.RGBA
		for x := range cells.X {
			a, c := img.RGBAAt(x, 2*y), img.RGBAAt(x, 2*y+1)
			if x == 0 || a != above {
				h.setColor(b, '3', a)
			}
			if x == 0 || c != below {
				h.setColor(b, '4', c)
			}
			above, below = a, c
			b.WriteString("▀")
		}
		b.WriteString(resetStyle)
		if y < cells.Y-1 {
			fmt.Fprintf(b, "\x1b[B\x1b[%dD", cells.X) // go one line down, and back to its first column
		}
	}
	return nil
}

// setColor appends an SGR sequence for the foreground ('3') or background ('4'), ECMA-48, 8.3.117 and ISO 8613-6.
func (h halfBlocks) setColor(b *bytes.Buffer, ground byte, c color.RGBA) {
	if h.trueColor {
		fmt.Fprintf(b, "\x1b[%c8;2;%d;%d;%dm", ground, c.R, c.G, c.B)
	} else {
		fmt.Fprintf(b, "\x1b[%c8;5;%dm", ground, xterm256(c))
	}
}

// xterm256 returns the nearest of the 6 × 6 × 6 colours and 24 greys of xterm's palette.
func xterm256(c color.RGBA) int {
	levels := [...]int{0, 95, 135, 175, 215, 255}
	nearest := func(v uint8) int { // level
		if v < 48 {
			return 0
		}
		return max(1, (int(v)-35)/40)
	}
	distance := func(r, g, b int) int {
		r, g, b = r-int(c.R), g-int(c.G), b-int(c.B)
		return r*r + g*g + b*b
	}
	r, g, b := nearest(c.R), nearest(c.G), nearest(c.B)
	grey := min(max(0, (int(c.R)+int(c.G)+int(c.B))/3-3)/10, 23)
	if v := 8 + 10*grey; distance(v, v, v) < distance(levels[r], levels[g], levels[b]) {
		return 232 + grey
	}
	return 16 + 36*r + 6*g + b
}
