// Package plot draws curves, bars and timelines as SVG, with Gonum. A small footer below each picture says what made it.
package plot

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The size of a picture.
const width, height = 19 * vg.Centimeter, 11 * vg.Centimeter

// palette is Okabe and Ito's: colour-blind people can tell its colours apart.
var palette = []color.Color{
	rgb(0x00, 0x72, 0xb2), rgb(0xd5, 0x5e, 0x00), rgb(0x00, 0x9e, 0x73), rgb(0xcc, 0x79, 0xa7),
	rgb(0xe6, 0x9f, 0x00), rgb(0x56, 0xb4, 0xe9), rgb(0x66, 0x66, 0x66), rgb(0x00, 0x00, 0x00),
}

var (
	ink   = rgb(0x22, 0x22, 0x22)
	faint = rgb(0x70, 0x70, 0x70)
	rule  = rgb(0xe4, 0xe4, 0xe4)
)

func rgb(r, g, b uint8) color.Color { return color.RGBA{r, g, b, 0xff} }

func colour(i int) color.Color { return palette[i%len(palette)] }

// dashes distinguish lines of the same colour.
var dashes = [][]vg.Length{nil, {vg.Points(5), vg.Points(3)}, {vg.Points(1.5), vg.Points(2.5)}}

// A Chart is the part that all pictures have in common.
type Chart struct {
	Title  string
	X, Y   string   // labels of the axes, with units
	Footer []string // what made it
	LogY   bool
}

// base is an empty plot.
func (c Chart) base() *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = c.X, c.Y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font = font.From(face, vg.Points(10.5)), font.From(face, vg.Points(9.5))
		a.Label.Padding, a.Padding = vg.Points(4), 0
		a.Color, a.Tick.Color, a.Label.TextStyle.Color, a.Tick.Label.Color = faint, faint, ink, ink
		a.Tick.Marker = plot.TickerFunc(evenTicks)
	}
	if c.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	}
	return p
}

// logTicks labels 1, 2 and 5 of each decade.
func logTicks(low, high float64) (ticks []plot.Tick) {
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for m := 1.0; m < 10; m++ {
			if v := m * decade; v >= low*0.999 && v <= high*1.001 {
				label := ""
				if m == 1 || m == 2 || m == 5 {
					label = fmt.Sprintf("%g", math.Round(v*1e6)/1e6)
				}
				ticks = append(ticks, plot.Tick{Value: v, Label: label})
			}
		}
	}
	return ticks
}

// evenTicks labels about six round numbers.
func evenTicks(low, high float64) (ticks []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/5)))
	for _, m := range []float64{5, 2} {
		if (high-low)/(m*step) >= 4 {
			step *= m
			break
		}
	}
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: fmt.Sprintf("%g", math.Round(i*step*1e6)/1e6+0)}) // not -0
	}
	return ticks
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = rule, rule
	return g
}

// A key is an entry of the legend.
type key struct {
	name   string
	colour color.Color
	dash   []vg.Length
	line   bool // else a field
}

// save draws a plot into dir/name.svg, with title and legend above it and the footer below it. It returns the path.
func (c Chart) save(p *plot.Plot, keys []key, high vg.Length, dir, name string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	canvas := vgsvg.New(width, high)
	c.draw(p, keys, draw.New(canvas))
	path = filepath.Join(dir, name+".svg")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	_, err = canvas.WriteTo(f)
	return path, cmp.Or(err, f.Close())
}

// face is the typeface of all text.
var face = font.Font{Typeface: "Liberation", Variant: "Sans"}

// letters are a style of text.
func letters(points float64, c color.Color) text.Style {
	return text.Style{Color: c, Font: font.From(face, vg.Points(points)), Handler: plot.DefaultTextHandler, YAlign: text.YTop}
}

// draw draws the plot, its title and legend above it, and the footer below it.
func (c Chart) draw(p *plot.Plot, keys []key, canvas draw.Canvas) {
	canvas.SetColor(color.White)
	canvas.Fill(canvas.Path())
	const margin, swatch, gap = vg.Length(10), vg.Length(18), vg.Length(5)
	left, right, top := canvas.Min.X+margin, canvas.Max.X-margin, canvas.Max.Y-margin
	title := letters(13, ink)
	title.Font.Weight = xfont.WeightBold
	canvas.FillText(title, vg.Point{X: left, Y: top}, c.Title)
	top -= 22

	label := letters(9.5, ink)
	if len(keys) > 1 || len(keys) == 1 && keys[0].name != "" {
		x := left
		for _, k := range keys {
			wide := swatch + 4*gap + label.Width(k.name)
			if x+wide > right && x > left {
				x, top = left, top-14
			}
			middle := top - 5.5
			if k.line {
				canvas.StrokeLine2(draw.LineStyle{Color: k.colour, Width: 2, Dashes: k.dash}, x, middle, x+swatch, middle)
			} else {
				fill(canvas, k.colour, x+2*gap, middle-4, x+swatch, middle+4)
			}
			canvas.FillText(label, vg.Point{X: x + swatch + gap, Y: top}, k.name)
			x += wide
		}
		top -= 16
	}

	foot := canvas.Min.Y + margin/2
	small := letters(7, faint)
	for _, text := range slices.Backward(c.Footer) {
		for _, line := range slices.Backward(wrap(small, text, right-left)) {
			foot += 9.5
			canvas.FillText(small, vg.Point{X: left, Y: foot}, line)
		}
	}
	canvas.Rectangle = vg.Rectangle{Min: vg.Point{X: left, Y: foot + margin/2}, Max: vg.Point{X: right, Y: top}}
	p.Draw(canvas)
}

// fill fills a rectangle.
func fill(canvas draw.Canvas, c color.Color, x0, y0, x1, y1 vg.Length) {
	canvas.SetColor(c)
	canvas.Fill(vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}.Path())
}

// wrap breaks a text between words into lines that fit.
func wrap(style text.Style, line string, wide vg.Length) (lines []string) {
	now := ""
	for _, word := range strings.Fields(line) {
		if next := strings.TrimSpace(now + " " + word); style.Width(next) <= wide || now == "" {
			now = next
			continue
		}
		lines, now = append(lines, now), word
	}
	return append(lines, now)
}

// A Curve is one line of a picture.
type Curve struct {
	Name   string
	Points plotter.XYs
	Colour int  // which of the palette
	Dash   int  // which kind of line
	Plain  bool // without dots, because it was computed, not measured
}

// Lines draws curves. The horizontal axis begins at 0, the vertical one goes from yMin to yMax.
func (c Chart) Lines(curves []Curve, yMin, yMax float64, dir, name string) (path string, err error) {
	p := c.base()
	p.Add(grid())
	p.Y.Min, p.Y.Max = yMin, yMax
	keys := make([]key, len(curves))
	for i, s := range slices.Backward(curves) { // the first on top
		line, dots, err := plotter.NewLinePoints(s.Points)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.Name, err)
		}
		line.Color, line.Dashes = colour(s.Colour), dashes[s.Dash%len(dashes)]
		line.Width = 1.8 + 2.4*vg.Length(covers(&p.Y, s, curves[:i]))
		dots.Color, dots.Shape, dots.Radius = line.Color, draw.CircleGlyph{}, 2.6
		p.Add(line)
		if !s.Plain {
			p.Add(dots)
		}
		keys[i] = key{s.Name, line.Color, line.Dashes, true}
	}
	p.X.Min, p.Y.Min, p.Y.Max = 0, yMin, yMax // adding a curve changes them
	return c.save(p, keys, height, dir, name)
}

// covers returns how many of the curves above hide s. A hidden curve is drawn wider, so that its edges show.
func covers(y *plot.Axis, s Curve, above []Curve) (n int) {
	for _, a := range above {
		if slices.EqualFunc(a.Points, s.Points, func(v, w plotter.XY) bool { return v.X == w.X && math.Abs(y.Norm(v.Y)-y.Norm(w.Y)) < 0.005 }) {
			n++
		}
	}
	return n
}

// A Group is bars of one colour, one for each category.
type Group struct {
	Name   string
	Values []float64 // NaN where there is none
}

// Bars draws groups of bars side by side, on an axis from yMin to yMax. text formats the value above each bar.
func (c Chart) Bars(categories []string, groups []Group, yMin, yMax float64, text func(float64) string, dir, name string) (path string, err error) {
	p := c.base()
	g := grid()
	g.Vertical.Color = nil
	p.Add(g)
	room := (width - 2.5*vg.Centimeter) / vg.Length(len(categories))
	wide := min(34, room*0.84/vg.Length(len(groups)))
	var keys []key
	for i, group := range groups {
		p.Add(&bars{group.Values, wide, wide * (vg.Length(i) - vg.Length(len(groups)-1)/2), colour(i), text})
		keys = append(keys, key{name: group.Name, colour: colour(i)})
	}
	labels := make([]string, len(categories))
	for i, c := range categories {
		labels[i] = strings.Join(wrap(p.X.Tick.Label, c, room*0.9), "\n")
	}
	p.NominalX(labels...)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, float64(len(categories))-0.5, yMin, yMax
	p.X.Tick.Length, p.X.Tick.Width = 5, 0.5 // the gap above the labels
	p.X.Tick.Color, p.X.Color, p.Y.Padding = color.White, faint, 0
	return c.save(p, keys, height, dir, name)
}

// bars draws the bars of one group.
type bars struct {
	values        []float64
	width, offset vg.Length
	colour        color.Color
	text          func(float64) string
}

// Plot implements plot.Plotter.
func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := letters(max(5.5, min(8.5, float64(b.width)/2.7)), ink)
	style.XAlign, style.YAlign = text.XCenter, text.YBottom
	for i, v := range b.values {
		if math.IsNaN(v) {
			continue
		}
		middle, top := x(float64(i))+b.offset, y(min(max(v, p.Y.Min), p.Y.Max))
		fill(c, b.colour, middle-b.width*0.47, c.Min.Y, middle+b.width*0.47, top)
		c.FillText(style, vg.Point{X: middle, Y: top + 1.5}, b.text(v))
	}
}
