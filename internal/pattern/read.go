package pattern

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"iter"
	"math"
)

// ErrNoCode is returned by [Read] for a picture in which there is no block code, or none that can be read.
var ErrNoCode = errors.New("no block code in the picture")

const (
	// threshold is the lightness that divides black from white, midway between the two.
	threshold = 128
	// minCell is the smallest readable cell, in pixels, less the error in measuring edges.
	minCell = 1.9
	// maxStretch is how many times as high as wide a cell may be, or as wide as high.
	maxStretch = 2
)

// Read finds the block code in a picture and reads it. The code may lie anywhere in it, at any scale at which a cell
// is at least two pixels wide and high, and be stretched up to twice in either direction, but not turned. If there are
// several codes, any of them is read. The error is [ErrNoCode], wrapped.
//
// The time to search a picture is proportional to its pixels, for any content. *image.YCbCr, *image.Gray, *image.RGBA and
// *image.NRGBA are read in place, other types are copied first.
func Read(img image.Image) (Mark, error) {
	b := img.Bounds()
	if b.Empty() {
		return Mark{}, fmt.Errorf("%w: it is empty", ErrNoCode)
	}
	if most := MaxWidth * MaxHeight; b.Dx() > most/b.Dy() {
		return Mark{}, fmt.Errorf("%w: it is not searched, having more than %d pixels", ErrNoCode, most)
	}
	p := lumaOf(img)
	var across, down []float64 // The edges in a row and in a column, kept for their memory.
	for y := range coarseToFine(p.height) {
		across = edges(across[:0], p.pix[y*p.stride:], p.step, p.width)
		for top := range rulers(across, codeColumns) {
			// The middle of the first cell, and as much of its column as the highest cells could take.
			x := int(top.start + top.cell/2)
			from := max(0, y-int(maxStretch*top.cell*(1+quietCells)))
			to := min(p.height, y+int(maxStretch*top.cell*(codeRows+quietCells)))
			down = edges(down[:0], p.pix[from*p.stride+x*p.step:], p.stride, to-from)
			for left := range rulers(down, codeRows) {
				g := grid{x: top.start, y: float64(from) + left.start, width: top.cell, height: left.cell}
				if math.Abs(g.y+g.height/2-float64(y)) > g.height {
					continue
				}
				if m, ok := g.read(p); ok {
					return m, nil
				}
			}
		}
	}
	return Mark{}, ErrNoCode
}

// coarseToFine yields enough rows of a picture to cross every possible code. It yields each once, and rows that are far
// apart first, so that a large code is found after a few rows. Cells are at least two pixels high, so every other row is
// enough.
func coarseToFine(height int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for step := 32; step >= 2; step /= 2 {
			for y := step / 2; y < height; y += step {
				if !yield(y) {
					return
				}
			}
		}
	}
}

// edges appends where a line of samples, which are step bytes apart, turns from white to black and back. The places are in
// pixels and parts of one: the samples on both sides of an edge tell where between their middles the threshold is crossed.
// A line begins and ends white, so the edges at even indices always lead into black.
func edges(dst []float64, pix []uint8, step, count int) []float64 {
	before, black := uint8(255), false
	for i, at := 0, 0; i < count; i, at = i+1, at+step {
		sample := pix[at]
		if (sample < threshold) != black {
			black = !black
			part := (threshold - 0.5 - float64(before)) / (float64(sample) - float64(before))
			dst = append(dst, max(0, float64(i)-0.5+part))
		}
		before = sample
	}
	if black {
		dst = append(dst, float64(count))
	}
	return dst
}

// A ruler is a run of alternating cells along a line: where the first begins, and the size of one, in pixels.
type ruler struct {
	start, cell float64
}

// rulers yields the runs of exactly count cells, count being odd, that begin and end black, are of one size, and have
// white on both sides.
func rulers(edges []float64, count int) iter.Seq[ruler] {
	return func(yield func(ruler) bool) {
		for i := 0; i+count < len(edges); i += 2 {
			run := edges[i : i+count+1]
			cell := (run[count] - run[0]) / float64(count)
			quiet := cell * (quietCells - 0.5)
			switch {
			case cell < minCell || !alike(run, cell):
			case i > 0 && run[0]-edges[i-1] < quiet:
			case i+count+1 < len(edges) && edges[i+count+1]-run[count] < quiet:
			default:
				if !yield(ruler{run[0], cell}) {
					return
				}
			}
		}
	}
}

// alike reports whether each cell between the edges has the given size, give or take half. Blur and gamma make the cells of
// one colour larger and those of the other smaller.
func alike(edges []float64, cell float64) bool {
	for i, edge := range edges[1:] {
		if math.Abs(edge-edges[i]-cell) > cell/2 {
			return false
		}
	}
	return true
}

// A grid is where a code lies in a picture: the top left corner of its first cell and the size of its cells, in pixels.
type grid struct {
	x, y          float64
	width, height float64
}

// read samples the cells inside the rulers and returns their mark. It returns false if the CRC is wrong.
func (g grid) read(p plane) (Mark, bool) {
	code := make([]byte, markSize)
	for row := 1; row < codeRows; row++ {
		for column := 1; column < codeColumns; column++ {
			if g.black(p, column, row) {
				index, mask := bitAt(column, row)
				code[index] |= mask
			}
		}
	}
	return parseMark(code)
}

// black tells a cell's colour from nine samples in the middle half of it.
func (g grid) black(p plane, column, row int) bool {
	sum := 0
	for _, dy := range [...]float64{0.25, 0.5, 0.75} {
		for _, dx := range [...]float64{0.25, 0.5, 0.75} {
			x := int(math.Floor(g.x + (float64(column)+dx)*g.width))
			y := int(math.Floor(g.y + (float64(row)+dy)*g.height))
			sum += int(p.pix[y*p.stride+x*p.step])
		}
	}
	return sum < 9*threshold
}

// A plane is one component of a picture: width × height samples, those of a row step bytes apart, the rows stride.
type plane struct {
	pix           []uint8
	stride, step  int
	width, height int
}

// lumaOf returns the lightness of a picture. If the picture has red, green and blue, that is its green: the code is black
// and white, so no conversion is needed. A picture of a type that has no plane of bytes is copied.
func lumaOf(img image.Image) plane {
	b := img.Bounds()
	of := func(pix []uint8, stride, step int) plane { return plane{pix, stride, step, b.Dx(), b.Dy()} }
	switch img := img.(type) {
	case *image.YCbCr:
		return of(img.Y[img.YOffset(b.Min.X, b.Min.Y):], img.YStride, 1)
	case *image.Gray:
		return of(img.Pix[img.PixOffset(b.Min.X, b.Min.Y):], img.Stride, 1)
	case *image.RGBA:
		return of(img.Pix[img.PixOffset(b.Min.X, b.Min.Y)+1:], img.Stride, 4)
	case *image.NRGBA:
		return of(img.Pix[img.PixOffset(b.Min.X, b.Min.Y)+1:], img.Stride, 4)
	}
	whole := image.NewRGBA(b)
	draw.Draw(whole, b, img, b.Min, draw.Src)
	return of(whole.Pix[1:], whole.Stride, 4)
}
