package sink

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"strconv"

	"github.com/mattn/go-sixel"
)

// maxWide is how many pixels wide a picture is that a terminal is sent: what more would take too long.
const maxWide = 960

// pixelsOf is how many pixels so many cells have, or fewer in the same proportions.
func pixelsOf(cells, cell image.Point) image.Point {
	size := image.Pt(cells.X*cell.X, cells.Y*cell.Y)
	if size.X > maxWide {
		size = image.Pt(maxWide, max(1, size.Y*maxWide/size.X))
	}
	return size
}

// kittyCanvas draws with the graphics of kitty, which WezTerm, Ghostty and Konsole have too. Each picture takes the place
// of the last. See https://sw.kovidgoyal.net/kitty/graphics-protocol/
type kittyCanvas struct{ cell image.Point }

func (k kittyCanvas) pixels(cells image.Point) image.Point { return pixelsOf(cells, k.cell) }

func (k kittyCanvas) draw(b *bytes.Buffer, img *image.RGBA, cells image.Point) error {
	var packed bytes.Buffer
	z, err := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if err != nil {
		return err
	}
	line := make([]byte, 3*img.Rect.Dx())
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:]
		for x := range img.Rect.Dx() {
			copy(line[3*x:3*x+3], row[4*x:])
		}
		z.Write(line) // to memory does not fail
	}
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

// Write implements [io.Writer]: it writes to where the picture goes that is being drawn.
func (s *sixelCanvas) Write(b []byte) (int, error) { return s.out.Write(b) }

func newSixelCanvas(cell image.Point) *sixelCanvas {
	s := &sixelCanvas{cell: cell}
	s.encoder = sixel.NewEncoder(s)
	s.encoder.Palette = palette.Plan9[:255]
	s.encoder.Dither = true
	return s
}

// pixels are those of the cells: a terminal does not scale sixels.
func (s *sixelCanvas) pixels(cells image.Point) image.Point {
	return image.Pt(cells.X*s.cell.X, cells.Y*s.cell.Y)
}

func (s *sixelCanvas) draw(b *bytes.Buffer, img *image.RGBA, _ image.Point) error {
	s.out = b
	return s.encoder.Encode(img)
}

// halfBlocks draws two pixels a cell, one above the other: the upper half block in one's colour on the other's.
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
			fmt.Fprintf(b, "\x1b[B\x1b[%dD", cells.X) // a line down, and back
		}
	}
	return nil
}

// setColor appends an SGR sequence for the foreground ('3') or background ('4'), ECMA-48, 8.3.117 and ISO 8613-6.
func (h halfBlocks) setColor(b *bytes.Buffer, ground byte, c color.RGBA) {
	buf := append(b.AvailableBuffer(), "\x1b["...)
	buf = append(buf, ground)
	if h.trueColor {
		buf = append(buf, "8;2;"...)
		buf = append(strconv.AppendUint(buf, uint64(c.R), 10), ';')
		buf = append(strconv.AppendUint(buf, uint64(c.G), 10), ';')
		buf = strconv.AppendUint(buf, uint64(c.B), 10)
	} else {
		buf = append(buf, "8;5;"...)
		buf = strconv.AppendUint(buf, uint64(xterm256(c)), 10)
	}
	b.Write(append(buf, 'm'))
}

// xterm256 returns the nearest of the 6 × 6 × 6 colours and 24 greys of xterm's palette.
func xterm256(c color.RGBA) int {
	level := func(v uint8) int { // of 0, 95, 135, 175, 215 and 255
		if v < 48 {
			return 0
		}
		return max(1, (int(v)-35)/40)
	}
	value := func(l int) int {
		if l == 0 {
			return 0
		}
		return 55 + 40*l
	}
	r, g, b := level(c.R), level(c.G), level(c.B)
	grey := min(max(0, (int(c.R)+int(c.G)+int(c.B))/3-3)/10, 23)
	distance := func(x, y, z int) int {
		x, y, z = x-int(c.R), y-int(c.G), z-int(c.B)
		return x*x + y*y + z*z
	}
	if v := 8 + 10*grey; distance(v, v, v) < distance(value(r), value(g), value(b)) {
		return 232 + grey
	}
	return 16 + 36*r + 6*g + b
}
