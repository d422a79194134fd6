package pattern

import (
	"image"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// FuzzRead reads small grey pictures. Read must not panic on any picture, and must find the codes that the oracle finds.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, width uint8, pix []byte) {
		if width == 0 || len(pix) > 1<<14 {
			return
		}
		height := len(pix) / int(width)
		img := &image.Gray{Pix: pix, Stride: int(width), Rect: image.Rect(0, 0, int(width), height)}
		if height == 0 {
			img.Pix = nil
		}
		var err error
		bound := fuzzcost.Bound{Bytes: 64 << 10, Time: time.Millisecond}.Plus(len(pix), 64, time.Microsecond)
		fuzzcost.Check(t, bound, func() { _, err = Read(img) })
		if err != nil && hasCode(img) {
			t.Errorf("there is a code: %v", err)
		}
	})
}

// hasCode is a slow and plain oracle. It tries every place at which a code with square cells of two to four pixels
// could be, and accepts one of which every pixel is plainly black or plainly white, as it should be.
func hasCode(img *image.Gray) bool {
	for cell := 2; cell <= 4; cell++ {
		for y := 0; y+codeRows*cell <= img.Rect.Dy(); y++ {
			for x := 0; x+codeColumns*cell <= img.Rect.Dx(); x++ {
				if hasCodeAt(img, x, y, cell) {
					return true
				}
			}
		}
	}
	return false
}

func hasCodeAt(img *image.Gray, x, y, cell int) bool {
	code := make([]byte, markSize)
	for row := -quietCells; row < codeRows+quietCells; row++ {
		for column := -quietCells; column < codeColumns+quietCells; column++ {
			at := image.Pt(x+column*cell, y+row*cell)
			black, white := plain(img, image.Rectangle{at, at.Add(image.Pt(cell, cell))})
			switch {
			case row < 0 || column < 0 || row >= codeRows || column >= codeColumns:
				if !white {
					return false
				}
			case row == 0 || column == 0:
				if ruler := (row+column)%2 == 0; black != ruler || white == ruler {
					return false
				}
			case black:
				index, mask := bitAt(column, row)
				code[index] |= mask
			case !white:
				return false
			}
		}
	}
	_, ok := parseMark(code)
	return ok
}

// plain reports whether the part of a cell inside the picture is plainly black, and whether it is plainly white. For a cell
// outside the picture both are true.
func plain(img *image.Gray, cell image.Rectangle) (black, white bool) {
	black, white = true, true
	cell = cell.Intersect(img.Rect)
	for y := cell.Min.Y; y < cell.Max.Y; y++ {
		for x := cell.Min.X; x < cell.Max.X; x++ {
			black = black && img.GrayAt(x, y).Y < 64
			white = white && img.GrayAt(x, y).Y >= 192
		}
	}
	return black, white
}

// The oracle must find the codes of real frames. Otherwise FuzzRead would prove little.
func TestOracle(t *testing.T) {
	for cell := 2; cell <= 4; cell++ {
		plate := image.Pt(plateColumns, plateRows).Mul(cell)
		img := image.NewYCbCr(image.Rect(0, 0, plate.X+6, plate.Y+4), image.YCbCrSubsampleRatio420)
		at := image.Pt(4, 2)
		paintPlate(img, at, cell)
		paintCode(img, at, cell, appendMark(nil, marks[2]))
		grey := &image.Gray{Pix: img.Y, Stride: img.YStride, Rect: img.Rect}
		if !hasCode(grey) {
			t.Errorf("no code of %d pixels a cell", cell)
		}
		wantMark(t, grey, marks[2])
		grey.Pix[grey.PixOffset(at.X+(quietCells+3)*cell, at.Y+(quietCells+4)*cell)] = 128
		if hasCode(grey) {
			t.Error("a grey cell is taken for black or white")
		}
	}
}
