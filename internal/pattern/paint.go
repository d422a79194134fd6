package pattern

import (
	"image"
	"image/color"
	"math"
)

// Everything is painted straight into the planes of a 4:2:0 picture, whose colour planes have half the size: nothing
// has to be converted for the JPEG encoder.

// fill paints a rectangle whose corners are at even coordinates, or at the picture's edge.
func fill(img *image.YCbCr, r image.Rectangle, c color.YCbCr) {
	r = r.Intersect(img.Rect)
	half := image.Rect(r.Min.X/2, r.Min.Y/2, (r.Max.X+1)/2, (r.Max.Y+1)/2)
	fillPlane(img.Y, img.YStride, r, c.Y)
	fillPlane(img.Cb, img.CStride, half, c.Cb)
	fillPlane(img.Cr, img.CStride, half, c.Cr)
}

func fillPlane(pix []uint8, stride int, r image.Rectangle, value uint8) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		line := pix[y*stride:][r.Min.X:r.Max.X]
		for x := range line {
			line[x] = value
		}
	}
}

// A point is a place in a picture, in pixels and parts of one.
type point struct{ x, y float64 }

// stroke paints a line from a to b of the given radius with round ends, or a disc if a is b. Its edges are smooth, so it
// also moves smoothly by parts of a pixel.
func stroke(img *image.YCbCr, a, b point, radius float64, c color.YCbCr) {
	size := img.Rect.Size()
	half := size.Add(image.Pt(1, 1)).Div(2)
	halfA, halfB := point{a.x / 2, a.y / 2}, point{b.x / 2, b.y / 2}
	strokePlane(img.Y, img.YStride, size, a, b, radius, c.Y)
	strokePlane(img.Cb, img.CStride, half, halfA, halfB, radius/2, c.Cb)
	strokePlane(img.Cr, img.CStride, half, halfA, halfB, radius/2, c.Cr)
}

func strokePlane(pix []uint8, stride int, size image.Point, a, b point, radius float64, value uint8) {
	dx, dy := b.x-a.x, b.y-a.y
	square := max(dx*dx+dy*dy, 1e-9) // The square of the line's length. Never zero: a disc has length zero.
	reach := radius + 1              // Pixels farther from the line are not touched.
	top, bottom := min(a.y, b.y)-reach, max(a.y, b.y)+reach
	for y := max(0, int(top)); y < min(size.Y, int(bottom)+1); y++ {
		py := float64(y) + 0.5 - a.y
		// Only pixels near this part of the line can be touched in this row.
		from, to := 0.0, 1.0
		if math.Abs(dy) > 1e-9 {
			one, other := (py-reach)/dy, (py+reach)/dy
			from, to = clamp(min(one, other)), clamp(max(one, other))
		}
		left, right := a.x+min(from*dx, to*dx)-reach, a.x+max(from*dx, to*dx)+reach
		for x := max(0, int(left)); x < min(size.X, int(right)+1); x++ {
			px := float64(x) + 0.5 - a.x
			nearest := clamp((px*dx + py*dy) / square)
			distance := math.Hypot(px-nearest*dx, py-nearest*dy)
			blend(&pix[y*stride+x], value, uint8(255*clamp(radius+0.5-distance)))
		}
	}
}

func clamp(v float64) float64 { return min(max(v, 0), 1) }

// blend moves a sample towards value by alpha parts of 255.
func blend(sample *uint8, value, alpha uint8) {
	*sample += uint8((int(value) - int(*sample)) * int(alpha) / 255)
}
