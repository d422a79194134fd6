package plot

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Mark says what became of a datagram.
type Mark int

// The marks of datagrams.
const (
	MarkArrived Mark = iota
	MarkLost
	MarkFull
)

// A Flight is one datagram of a timeline: a line from when it was sent to when it arrived, or a cross.
type Flight struct {
	Row        int     // from the bottom, 0 first
	Sent, Came float64 // milliseconds; Came of what did not arrive is of no matter
	Mark       Mark
}

// A Band is some rows that belong together.
type Band struct {
	Name  string
	Rows  int
	Color int
}

// A Moment is something that happened at a time.
type Moment struct {
	At   float64 // milliseconds
	Name string
}

// Timeline draws flights in bands, the first at the bottom, over the time in milliseconds.
func (c Chart) Timeline(bands []Band, flights []Flight, moments []Moment, dir, name string) (path string, err error) {
	p := c.base()
	g := grid()
	g.Horizontal.Color = nil
	p.Add(g)
	t := &timeline{bands: bands, flights: flights, moments: moments}
	rows, last := 0, 1.0
	for _, b := range bands {
		rows += b.Rows
	}
	for _, f := range flights {
		last = max(last, f.Sent, f.Came)
	}
	for _, m := range moments {
		last = max(last, m.At)
	}
	p.Add(t)
	p.X.Min, p.X.Max = -0.01*last, last*1.06
	p.Y.Min, p.Y.Max = 0, float64(rows)*1.05+1
	var ticks []plot.Tick
	at := 0
	for _, b := range bands {
		ticks = append(ticks, plot.Tick{Value: float64(at) + float64(b.Rows)/2, Label: b.Name})
		at += b.Rows
	}
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Length = 0
	keys := []key{{name: "arrived: from sent to received", colour: colour(0), line: true},
		{name: "lost", colour: colour(1)}, {name: "dropped by a full queue", colour: colour(3)}}
	return c.save(p, keys, height+4*vg.Centimeter, dir, name)
}

type timeline struct {
	bands   []Band
	flights []Flight
	moments []Moment
}

// Plot implements plot.Plotter.
func (t *timeline) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := 0
	for i, b := range t.bands {
		if i%2 == 0 {
			c.SetColor(color.RGBA{0xf4, 0xf6, 0xf8, 0xff})
			c.Fill(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y(float64(at))}, Max: vg.Point{X: c.Max.X, Y: y(float64(at + b.Rows))}}.Path())
		}
		at += b.Rows
	}
	style := letters(8.5, ink)
	for i, m := range t.moments {
		c.StrokeLine2(draw.LineStyle{Color: faint, Width: vg.Points(0.9), Dashes: dashes[1]}, x(m.At), c.Min.Y, x(m.At), c.Max.Y)
		right := x(m.At)+style.Width(m.Name)+vg.Points(4) > c.Max.X
		label := vg.Point{X: x(m.At) + vg.Points(3), Y: c.Max.Y - vg.Points(1+10*float64(i%3))}
		if right {
			label.X = x(m.At) - style.Width(m.Name) - vg.Points(3)
		}
		c.FillText(style, label, m.Name)
	}
	for _, f := range t.flights {
		middle := y(float64(f.Row) + 0.5)
		switch f.Mark {
		case MarkArrived:
			// A datagram on a fast link is still to be seen.
			end := max(x(f.Came), x(f.Sent)+vg.Points(1.5))
			c.StrokeLine2(draw.LineStyle{Color: colour(0), Width: vg.Points(1.4)}, x(f.Sent), middle, end, middle)
		default:
			shade := colour(1)
			if f.Mark == MarkFull {
				shade = colour(3)
			}
			r := vg.Points(2.6)
			line := draw.LineStyle{Color: shade, Width: vg.Points(1.5)}
			c.StrokeLine2(line, x(f.Sent)-r, middle-r, x(f.Sent)+r, middle+r)
			c.StrokeLine2(line, x(f.Sent)-r, middle+r, x(f.Sent)+r, middle-r)
		}
	}
}
