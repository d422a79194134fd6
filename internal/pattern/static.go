package pattern

import (
	"bytes"
	"image"
	"image/color"
)

const digits = "0123456789"

// paintStatic paints the parts that are the same in every frame. It also renders the characters that the other parts need.
func (p *Pattern) paintStatic(caption string) {
	fill(p.static, p.static.Rect, background)
	p.paintBars()
	p.paintRamp()
	p.paintLane()
	p.paintDial()
	paintPlate(p.static, p.plate, p.cell)
	p.clockFace, p.clockAt = fit(p.clock, len(clockText), true, digits+":.")
	p.numberFace, p.numberAt = fit(p.number, len(numberText), true, digits+numberLabel)
	p.numberFace.print(p.static, p.numberAt, dim, []byte(numberLabel))
	p.numberAt.X += len(numberLabel) * p.numberFace.advance
	p.paintCaption(caption)
}

func (p *Pattern) paintBars() {
	width := p.bars.Dx()
	for i, c := range barColours {
		r := p.bars
		r.Min.X, r.Max.X = even(width*i/len(barColours)), width
		fill(p.static, r, c)
	}
}

// paintRamp paints all greys from black to white.
func (p *Pattern) paintRamp() {
	for x := p.ramp.Min.X; x < p.ramp.Max.X; x++ {
		column := image.Rect(x, p.ramp.Min.Y, x+1, p.ramp.Max.Y)
		fill(p.static, column, color.YCbCr{Y: uint8(255 * x / (p.ramp.Dx() - 1)), Cb: 128, Cr: 128})
	}
}

// paintLane paints the ball's way, with a mark at each tenth of it.
func (p *Pattern) paintLane() {
	fill(p.static, p.lane, raised)
	if p.lane.Empty() {
		return
	}
	length, bottom := float64(p.lane.Dy())/6, float64(p.lane.Max.Y)
	for i := range 11 {
		x := p.sweepAt(float64(i) / 10)
		stroke(p.static, point{x, bottom - length}, point{x, bottom}, p.hairline(), faint)
	}
}

// paintDial paints a face with a mark at each sixtieth of a turn, or each twelfth if it is small.
func (p *Pattern) paintDial() {
	radius := float64(p.dial.Dx()) / 2
	hub := p.onDial(0, 0)
	stroke(p.static, hub, hub, radius, raised)
	for i := range 60 {
		turn := float64(i) / 60
		switch {
		case i%5 == 0:
			stroke(p.static, p.onDial(turn, 0.82), p.onDial(turn, 0.92), max(0.75, radius/60), light)
		case radius >= 60:
			stroke(p.static, p.onDial(turn, 0.88), p.onDial(turn, 0.92), max(0.75, radius/120), faint)
		}
	}
}

// paintCaption prints the caption in its corner, its last line at the bottom, if there is room for it.
func (p *Pattern) paintCaption(caption string) {
	lines := bytes.Split([]byte(caption), []byte("\n"))
	longest := 1
	for _, line := range lines {
		longest = max(longest, len(line))
	}
	height := min(p.caption.Dy()/len(lines), p.static.Rect.Dy()/18)
	box := image.Rect(p.caption.Min.X, p.caption.Max.Y-height*2/3, p.caption.Max.X, p.caption.Max.Y)
	if height < 12 || box.Dx() < 6*longest {
		return
	}
	face, at := fit(box, longest, false, caption)
	for i, line := range lines {
		face.print(p.static, at.Sub(image.Pt(0, height*(len(lines)-1-i))), dim, line)
	}
}

// fit renders a set of characters, so large that a row of count characters just fits a box. It returns where the baseline
// begins.
func fit(box image.Rectangle, count int, bold bool, set string) (typeface, image.Point) {
	size := min(float64(box.Dx())/(float64(count)*advance), float64(box.Dy())*0.84/digitHeight)
	return newTypeface(bold, size, set), image.Pt(box.Min.X, (box.Min.Y+box.Max.Y+int(size*digitHeight))/2)
}
