package pattern

import "image"

// A layout says where in the picture things are. Rectangles have even corners, so that the colour planes, of half the
// size, have the same edges. What a small picture has no room for is empty.
//
//	┌───────────────────────────────┐
//	│ bars                          │
//	│ ramp                          │
//	│ lane                          │
//	│ clock                         │
//	│ number                        │
//	│ dial   caption          plate │
//	└───────────────────────────────┘
type layout struct {
	bars, ramp, lane, clock, number, dial, caption image.Rectangle

	plate image.Point // The top left corner of the block code's plate.
	cell  int         // The size of the block code's cells in pixels.
}

const (
	smallestCell = 5   // Pixels. Half of it can still be read, and a plate of it fits a picture of 160 × 120.
	roomyHeight  = 200 // Pixels from which on there is a ramp and a lane.
)

func newLayout(size image.Point) layout {
	var l layout
	short := min(size.X, size.Y)
	margin := even(max(4, short/28))

	l.cell = max(smallestCell, min(size.Y*36/100/plateRows, size.X/2/plateColumns))
	plate := image.Pt(plateColumns, plateRows).Mul(l.cell)
	l.plate = image.Pt(even(size.X-margin-plate.X), even(size.Y-margin-plate.Y))

	top := even(size.Y * 14 / 100)
	l.bars = image.Rect(0, 0, size.X, top)
	if size.Y >= roomyHeight {
		l.ramp = image.Rect(0, top, size.X, top+even(short*4/100))
		l.lane = image.Rect(0, l.ramp.Max.Y, size.X, l.ramp.Max.Y+even(short*8/100))
		top = l.lane.Max.Y
	}

	bottom := even(l.plate.Y - margin/2)
	middle := top + (bottom-top)*64/100
	l.clock = image.Rect(margin, top, size.X-margin, middle)
	l.number = image.Rect(margin, middle, size.X-margin, bottom)

	dial := even(min(plate.Y, l.plate.X-2*margin))
	l.dial = image.Rect(margin, size.Y-margin-dial, margin+dial, size.Y-margin)
	l.caption = image.Rect(l.dial.Max.X+margin, l.dial.Min.Y, l.plate.X-margin, l.dial.Max.Y)
	return l
}

func even(v int) int { return v &^ 1 }
