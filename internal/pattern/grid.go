package pattern

import "math"

// A grid is where a code lies in a picture: the top left corner of its first cell and the size of its cells, in pixels.
type grid struct {
	x, y          float64
	width, height float64
}

// read samples the cells inside the rulers and returns what they say, and false if the CRC is wrong.
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
			x := math.Floor(g.x + (float64(column)+dx)*g.width)
			y := math.Floor(g.y + (float64(row)+dy)*g.height)
			sum += int(p.at(int(x), int(y)))
		}
	}
	return sum < 9*threshold
}
