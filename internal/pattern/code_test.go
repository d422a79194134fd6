package pattern

import (
	"bytes"
	"encoding/hex"
	"image"
	"math"
	"strings"
	"testing"
	"time"
)

// The code of frame 1 at 2001-02-03 04:05:06.789012 UTC, the example in code.go, cell by cell. A reader or writer in
// another language can be tested against this.
const exampleCode = `
	█.█.█.█.█.█.█.█.█
	.................
	█...............█
	...............██
	█.█████...█.█████
	...█.█.█..██████.
	█.█..█.█.█..█.█..
	.████.███████...█
	██.█..█████....██`

func TestExampleCode(t *testing.T) {
	m := Mark{1, time.Date(2001, 2, 3, 4, 5, 6, 789_012_000, time.UTC)}
	code := appendMark(nil, m)
	if got, want := hex.EncodeToString(code), "0000000100037c5f2a7e4a94f7f1a7c3"; got != want {
		t.Errorf("bytes %s, want %s", got, want)
	}

	img := image.NewYCbCr(image.Rect(0, 0, plateColumns, plateRows), image.YCbCrSubsampleRatio420)
	paintPlate(img, image.Point{}, 1)
	paintCode(img, image.Point{}, 1, code)
	var got strings.Builder
	for y := quietCells; y < quietCells+codeRows; y++ {
		got.WriteString("\n\t")
		for x := quietCells; x < quietCells+codeColumns; x++ {
			if img.Y[img.YOffset(x, y)] == codeBlack.Y {
				got.WriteString("█")
			} else {
				got.WriteString(".")
			}
		}
	}
	if got.String() != exampleCode {
		t.Errorf("the cells are%s\n\nand should be%s", got.String(), exampleCode)
	}
}

func TestAppendMark(t *testing.T) {
	for _, m := range []Mark{
		{0, time.UnixMicro(0)},
		{1, time.UnixMicro(1)},
		{math.MaxUint32, time.UnixMicro(-1)},
		{1 << 31, time.UnixMicro(math.MaxInt64)},
		{12345, time.UnixMicro(math.MinInt64)},
	} {
		code := appendMark(nil, m)
		got, ok := parseMark(code)
		if !ok || got.Number != m.Number || !got.Captured.Equal(m.Captured) {
			t.Errorf("%v came back as %v, %v", m, got, ok)
		}
		for bit := range len(code) * 8 {
			code[bit/8] ^= 1 << (bit % 8)
			if _, ok := parseMark(code); ok {
				t.Errorf("%v: bit %d can be wrong unnoticed", m, bit)
			}
			code[bit/8] ^= 1 << (bit % 8)
		}
	}
	if got, want := appendMark(nil, Mark{3, noon.Add(999)}), appendMark(nil, Mark{3, noon}); !bytes.Equal(got, want) {
		t.Error("the time is not cut off at the microsecond")
	}
}
