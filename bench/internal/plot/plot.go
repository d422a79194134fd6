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

var dotted = []vg.Length{vg.Points(1.5), vg.Points(2.5)}

// A Chart is the part that all pictures have in common.
type Chart struct {
	Title      string
	X, Y       string   // labels of the axes, with units
	YMin, YMax float64  // ends of the vertical axis, where it shows figures
	LogY       bool     // whether that axis is logarithmic
	Footer     []string // what made it
	Path       string   // of the SVG file. Its folder is made if there is none
}

// A Series is one curve of a picture, or the bars of one colour.
type Series struct {
	Name   string
	Points plotter.XYs // for bars, X is the index of a category
	Plain  bool        // a grey curve without dots, because it was computed, not measured
}

// base is an empty plot.
func (c Chart) base() *plot.Plot {
	p := plot.New()
	p.Title.Text, p.Title.Padding, p.Title.TextStyle = c.Title, 8, letters(13, ink)
	p.Title.TextStyle.Font.Weight, p.Title.TextStyle.XAlign = xfont.WeightBold, text.XCenter
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

// legend is an empty legend.
func legend() *plot.Legend {
	l := plot.NewLegend()
	l.Top, l.Left, l.TextStyle, l.Padding = true, true, letters(9.5, ink), 4
	l.TextStyle.YAlign = text.YBottom
	return &l
}

// save draws a plot into the chart's file, with the legend at its right and the footer below it.
func (c Chart) save(p *plot.Plot, l *plot.Legend, high vg.Length) error {
	svg := vgsvg.New(width, high)
	canvas := draw.New(svg)
	canvas.SetColor(color.White)
	canvas.Fill(canvas.Path())
	const margin = 10
	canvas = draw.Crop(canvas, margin, -margin, margin, -margin)
	small := letters(7, faint)
	for _, line := range slices.Backward(c.Footer) {
		for _, line := range slices.Backward(wrap(small, line, canvas.Size().X)) {
			canvas.Min.Y += 9.5
			canvas.FillText(small, canvas.Min, line)
		}
	}
	canvas.Min.Y += margin
	if wide := l.Rectangle(canvas).Size().X * 1.15; wide > 0 { // room for a wider typeface, where there is no Liberation
		l.Draw(draw.Crop(canvas, canvas.Size().X-wide, 0, 0, -25))
		canvas.Max.X -= wide + margin
	}
	p.Draw(canvas)
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(c.Path)
	if err != nil {
		return err
	}
	_, err = svg.WriteTo(f)
	return cmp.Or(err, f.Close())
}

// face is the typeface of all text.
var face = font.Font{Typeface: "Liberation", Variant: "Sans"}

// letters are a style of text.
func letters(points float64, c color.Color) text.Style {
	return text.Style{Color: c, Font: font.From(face, vg.Points(points)), Handler: plot.DefaultTextHandler, YAlign: text.YTop}
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

// Lines draws curves. The horizontal axis begins at 0.
func (c Chart) Lines(curves []Series) error {
	p, l := c.base(), legend()
	p.Add(grid())
	p.Y.Min, p.Y.Max = c.YMin, c.YMax
	lines := make([]*plotter.Line, len(curves))
	for _, s := range curves {
		slices.SortStableFunc(s.Points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	}
	for i, s := range slices.Backward(curves) { // the first on top
		line, dots, err := plotter.NewLinePoints(s.Points)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		line.Color, line.Width = colour(i), 1.8+2.4*vg.Length(covers(&p.Y, s, curves[:i]))
		dots.Color, dots.Shape, dots.Radius = line.Color, draw.CircleGlyph{}, 2.6
		if s.Plain {
			line.Color, line.Dashes = faint, dotted
			dots.Radius = 0
		}
		p.Add(line, dots)
		lines[i] = line
	}
	for i, s := range curves {
		if s.Name != "" {
			l.Add(s.Name, lines[i])
		}
	}
	p.X.Min, p.Y.Min, p.Y.Max = 0, c.YMin, c.YMax // adding a curve changes them
	return c.save(p, l, height)
}

// covers returns how many of the curves above hide s. A hidden curve is drawn wider, so that its edges show.
func covers(y *plot.Axis, s Series, above []Series) (n int) {
	for _, a := range above {
		if slices.EqualFunc(a.Points, s.Points, func(v, w plotter.XY) bool { return v.X == w.X && math.Abs(y.Norm(v.Y)-y.Norm(w.Y)) < 0.005 }) {
			n++
		}
	}
	return n
}

// Bars draws groups of bars side by side. show formats the value above each bar.
func (c Chart) Bars(categories []string, groups []Series, show func(any) string) error {
	p, l := c.base(), legend()
	g := grid()
	g.Vertical.Color = nil
	p.Add(g)
	for i, group := range groups {
		b := &bars{group.Points, i, len(groups), colour(i), show}
		p.Add(b)
		if group.Name != "" {
			l.Add(group.Name, b)
		}
	}
	room := (width - 2.5*vg.Centimeter - l.Rectangle(draw.Canvas{}).Size().X) / vg.Length(len(categories))
	labels := make([]string, len(categories))
	for i, c := range categories {
		labels[i] = strings.Join(wrap(p.X.Tick.Label, c, room*0.9), "\n")
	}
	p.NominalX(labels...)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, float64(len(categories))-0.5, c.YMin, c.YMax
	p.X.Tick.Length, p.X.Tick.Width = 5, 0.5 // the gap above the labels
	p.X.Tick.Color, p.X.Color, p.Y.Padding = color.White, faint, 0
	return c.save(p, l, height)
}

// bars draws the bars of one group, the i-th of n.
type bars struct {
	points plotter.XYs
	i, n   int
	colour color.Color
	show   func(any) string
}

// Plot implements plot.Plotter.
func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	wide := min(34, (x(1)-x(0))*0.84/vg.Length(b.n))
	style := letters(max(5.5, min(8.5, float64(wide)/2.7)), ink)
	style.XAlign, style.YAlign = text.XCenter, text.YBottom
	for _, at := range b.points {
		middle := x(at.X) + wide*(vg.Length(b.i)-vg.Length(b.n-1)/2)
		top := y(min(max(at.Y, p.Y.Min), p.Y.Max))
		fill(c, b.colour, middle-wide*0.47, c.Min.Y, middle+wide*0.47, top)
		c.FillText(style, vg.Point{X: middle, Y: top + 1.5}, b.show(at.Y))
	}
}

// Thumbnail implements plot.Thumbnailer.
func (b *bars) Thumbnail(c *draw.Canvas) { fill(*c, b.colour, c.Min.X+8, c.Min.Y, c.Max.X, c.Max.Y) }
