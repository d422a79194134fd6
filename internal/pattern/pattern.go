// Package pattern draws the frames of a test pattern. It can also tell from the pixels which frame a picture shows.
//
// A frame shows people the time of day and a frame number. In it, a line and a ball cross the picture once a second, and a
// hand goes round once a second. They show when a frame is dropped, repeated, late or torn. To programs a frame shows a
// block code. [Read] finds and reads it, whether the frame was compressed again, scaled, or is part of a screenshot.
//
//	Mark ── Pattern.Draw ──> picture ── JPEG, network, browser, screenshot ──> picture ── Read ──> Mark
//
// The code's layout is described in code.go.
package pattern

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"
	"time"
)

// The sizes of the smallest and the largest picture that can be drawn, in pixels.
const (
	MinWidth, MinHeight = 160, 120
	MaxWidth, MaxHeight = 8192, 8192
)

// CheckSize returns an error if a pattern cannot have this size in pixels. The error says which sizes are possible.
func CheckSize(size image.Point) error {
	if size.X < MinWidth || size.Y < MinHeight || size.X > MaxWidth || size.Y > MaxHeight {
		return fmt.Errorf("a test pattern cannot be %dx%d: it can be from %dx%d to %dx%d",
			size.X, size.Y, MinWidth, MinHeight, MaxWidth, MaxHeight)
	}
	return nil
}

var (
	background = rgb(0x10, 0x14, 0x1c)
	raised     = rgb(0x1b, 0x21, 0x2d) // The lane and the dial.
	faint      = rgb(0x5a, 0x66, 0x78)
	light      = rgb(0xd8, 0xde, 0xe6)
	accent     = rgb(0xff, 0x8a, 0x1f) // What moves.

	barColours = []color.YCbCr{
		rgb(0xd8, 0xd8, 0xd8), rgb(0xd8, 0xd0, 0x20), rgb(0x20, 0xc8, 0xd0), rgb(0x28, 0xc0, 0x40),
		rgb(0xc8, 0x38, 0xc0), rgb(0xd0, 0x30, 0x30), rgb(0x28, 0x48, 0xd0), rgb(0x08, 0x08, 0x08),
	}
)

// The luma of text that is to be read first, and of text beside it.
const (
	bright = 235
	dim    = 150
)

func rgb(r, g, b uint8) color.YCbCr {
	y, cb, cr := color.RGBToYCbCr(r, g, b)
	return color.YCbCr{Y: y, Cb: cb, Cr: cr}
}

const (
	clockText   = "15:04:05.000" // As time.Format takes it.
	numberLabel = "frame "
	numberText  = numberLabel + "4294967295"
)

// A Pattern draws frames of one size. It is for one goroutine.
type Pattern struct {
	layout
	static *image.YCbCr // What is the same in every frame.
	frame  *image.YCbCr

	clockFace, numberFace typeface
	clockAt, numberAt     image.Point // Where their baselines begin.
	text                  []byte      // What is being printed, kept for its memory.
}

// New prepares a pattern of the given size in pixels, see [CheckSize]. The caption, a few short lines of ASCII, is
// shown in a corner where there is room for it.
func New(size image.Point, caption string) (*Pattern, error) {
	if err := CheckSize(size); err != nil {
		return nil, err
	}
	p := &Pattern{
		layout: newLayout(size),
		static: image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420),
		frame:  image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420),
	}
	p.paintStatic(caption)
	return p, nil
}

// Draw draws the frame that m names. The picture is the pattern's own and is overwritten by the next call. The clock
// shows m.Captured in that time's own zone.
func (p *Pattern) Draw(m Mark) *image.YCbCr {
	copy(p.frame.Y, p.static.Y)
	copy(p.frame.Cb, p.static.Cb)
	copy(p.frame.Cr, p.static.Cr)

	p.drawSweep(m.Captured)
	p.drawHand(m.Captured)
	p.text = m.Captured.AppendFormat(p.text[:0], clockText)
	p.clockFace.print(p.frame, p.clockAt, bright, p.text)
	p.text = strconv.AppendUint(p.text[:0], uint64(m.Number), 10)
	p.numberFace.print(p.frame, p.numberAt, bright, p.text)
	p.text = appendMark(p.text[:0], m)
	paintCode(p.frame, p.plate, p.cell, p.text)
	return p.frame
}

// drawSweep draws the line and the ball, which go from the left to the right in one second and back in the next.
func (p *Pattern) drawSweep(now time.Time) {
	part := partOfSecond(now)
	if now.Unix()%2 != 0 {
		part = 1 - part
	}
	x := p.sweepAt(part)
	stroke(p.frame, point{x, 0}, point{x, float64(p.number.Max.Y)}, p.hairline(), faint)
	if !p.lane.Empty() {
		at := point{x, float64(p.lane.Min.Y+p.lane.Max.Y) / 2}
		stroke(p.frame, at, at, p.ball(), accent)
	}
}

func (p *Pattern) drawHand(now time.Time) {
	hub := p.onDial(0, 0)
	width := max(1, float64(p.dial.Dx())/60)
	stroke(p.frame, hub, p.onDial(partOfSecond(now), 0.74), width, accent)
	stroke(p.frame, hub, hub, 2.5*width, accent)
}

func partOfSecond(t time.Time) float64 { return float64(t.Nanosecond()) / float64(time.Second) }

// sweepAt returns how far from the left the ball is at a part of its way across.
func (p *Pattern) sweepAt(part float64) float64 {
	return p.ball() + part*(float64(p.frame.Rect.Dx())-2*p.ball())
}

// ball and hairline return the radius of the ball and of fine lines.
func (p *Pattern) ball() float64 { return max(4, 0.34*float64(p.lane.Dy())) }
func (p *Pattern) hairline() float64 {
	return max(0.75, float64(min(p.frame.Rect.Dx(), p.frame.Rect.Dy()))/720)
}

// onDial returns the point of the dial at a part of a turn from the top and a part of the radius from the hub.
func (p *Pattern) onDial(turn, out float64) point {
	radius := float64(p.dial.Dx()) / 2
	sin, cos := math.Sincos(2 * math.Pi * turn)
	return point{float64(p.dial.Min.X) + radius*(1+out*sin), float64(p.dial.Min.Y) + radius*(1-out*cos)}
}
