package pattern

import (
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"time"
)

// The block code is a grid of 17 × 9 black and white cells on a white plate, with at least two cells of white on every
// side. It is always upright. All cells are alike, but need not be square. The top row and the left column alternate,
// beginning and ending with black. They are the rulers by which a reader finds the grid and measures the cells. The 16 × 8
// cells inside are 128 bits, black for 1, row by row from the top left. The most significant bit of each byte comes first,
// so a row holds two bytes:
//
//	          1 1 1 1 1 1 1
//	0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6
//
//	█   █   █   █   █   █   █   █   █    0   ruler
//	  ┌───────────────┬───────────────┐
//	  │ 0             │ 1             │  1   frame number, unsigned, big endian
//	█ │ 2             │ 3             │  2
//	  ├───────────────┼───────────────┤
//	  │ 4             │ 5             │  3   capture time in microseconds since
//	█ │ 6             │ 7             │  4   1970-01-01 00:00 UTC, signed,
//	  │ 8             │ 9             │  5   big endian
//	█ │ 10            │ 11            │  6
//	  ├───────────────┼───────────────┤
//	  │ 12            │ 13            │  7   CRC-32 (IEEE 802.3, as in zlib) of
//	█ │ 14            │ 15            │  8   bytes 0 to 11, big endian
//	  └───────────────┴───────────────┘
//
// Frame 1 captured at 2001-02-03 04:05:06.789012 UTC, for example, is the bytes
// 00000001 00037c5f2a7e4a94 and their CRC f7f1a7c3.
const (
	codeColumns = 17
	codeRows    = 9
	quietCells  = 2 // White cells on each side.

	plateColumns = codeColumns + 2*quietCells
	plateRows    = codeRows + 2*quietCells

	markSize = 16 // Bytes in the code.
	crcAt    = 12 // Where their CRC begins.
)

// The code's black and white are those of video's limited range. So a converter that takes the picture for limited range
// clips nothing, and there is room for the overshoot that JPEG adds at edges.
var (
	codeBlack = color.YCbCr{Y: 16, Cb: 128, Cr: 128}
	codeWhite = color.YCbCr{Y: 235, Cb: 128, Cr: 128}
)

// A Mark is what the block code carries.
type Mark struct {
	// Number is the frame number.
	Number uint32
	// Captured is when the frame was captured, to the microsecond.
	Captured time.Time
}

func appendMark(dst []byte, m Mark) []byte {
	dst = binary.BigEndian.AppendUint32(dst, m.Number)
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Captured.UnixMicro()))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[len(dst)-crcAt:]))
}

// parseMark parses the markSize bytes that appendMark appends. It reports false if the CRC is wrong.
func parseMark(code []byte) (Mark, bool) {
	if crc32.ChecksumIEEE(code[:crcAt]) != binary.BigEndian.Uint32(code[crcAt:]) {
		return Mark{}, false
	}
	return Mark{
		Number:   binary.BigEndian.Uint32(code[0:]),
		Captured: time.UnixMicro(int64(binary.BigEndian.Uint64(code[4:]))),
	}, true
}

// bitAt returns the byte that holds the bit of a cell inside the rulers, and the mask of the bit in it.
func bitAt(column, row int) (index int, mask byte) {
	bit := (row-1)*(codeColumns-1) + column - 1
	return bit / 8, 0x80 >> (bit % 8)
}

// paintPlate paints what is the same in every code: the white plate, its top left corner at at, and the rulers.
func paintPlate(img *image.YCbCr, at image.Point, cell int) {
	fill(img, image.Rectangle{at, at.Add(image.Pt(plateColumns, plateRows).Mul(cell))}, codeWhite)
	for column := 0; column < codeColumns; column += 2 {
		paintCell(img, at, cell, column, 0)
	}
	for row := 2; row < codeRows; row += 2 {
		paintCell(img, at, cell, 0, row)
	}
}

func paintCode(img *image.YCbCr, at image.Point, cell int, code []byte) {
	for row := 1; row < codeRows; row++ {
		for column := 1; column < codeColumns; column++ {
			if index, mask := bitAt(column, row); code[index]&mask != 0 {
				paintCell(img, at, cell, column, row)
			}
		}
	}
}

// paintCell paints one cell black. The plate is grey already, so only the luma changes.
func paintCell(img *image.YCbCr, plate image.Point, cell, column, row int) {
	at := plate.Add(image.Pt(column+quietCells, row+quietCells).Mul(cell))
	for y := at.Y; y < at.Y+cell; y++ {
		line := img.Y[y*img.YStride+at.X:][:cell]
		for x := range line {
			line[x] = codeBlack.Y
		}
	}
}
