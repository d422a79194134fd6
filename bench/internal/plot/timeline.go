package plot

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Mark says what happened to a datagram. Its value is its colour in the palette.
type Mark int

// The marks of datagrams.
const (
	MarkArrived Mark = 0
	MarkLost    Mark = 1
	MarkFull    Mark = 3
)

// A Flight is one datagram of a timeline. It is drawn as a line from sending to arrival, or as a cross if it was lost.
type Flight struct {
	Sent, Came float64 // milliseconds; Came is ignored if it did not arrive
	Mark       Mark
}

// A Band is a set of flights that belong together. Each has its own row.
type Band struct {
	Name    string
	Flights []Flight
}

// A Moment is a named event.
type Moment struct {
	At   float64 // milliseconds
	Name string
}

// Timeline draws bands, the first at the bottom, over the time in milliseconds.
func (c Chart) Timeline(bands []Band, moments []Moment, dir, name string) (path string, err error) {
	p := c.base()
	g := grid()
	g.Horizontal.Color = nil
	p.Add(g, &timeline{bands, moments})
	last, rows := 1.0, 0.0
	var ticks plot.ConstantTicks
	for _, b := range bands {
		for _, f := range b.Flights {
			last = max(last, f.Sent, f.Came)
		}
		n := float64(len(b.Flights))
		ticks = append(ticks, plot.Tick{Value: rows + n/2, Label: b.Name})
		rows += n
	}
	for _, m := range moments {
		last = max(last, m.At)
	}
	p.X.Min, p.X.Max = -0.01*last, last*1.06
	p.Y.Min, p.Y.Max = 0, rows*1.05+1
	p.Y.Tick.Marker, p.Y.Tick.Length = ticks, 0
	keys := []key{{name: "arrived: from sent to received", colour: colour(int(MarkArrived)), line: true},
		{name: "lost", colour: colour(int(MarkLost))}, {name: "dropped by a full queue", colour: colour(int(MarkFull))}}
	return c.save(p, keys, height+4*vg.Centimeter, dir, name)
}

type timeline struct {
	bands   []Band
	moments []Moment
}

// Plot implements plot.Plotter.
func (t *timeline) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	row := 0.0
	for i, b := range t.bands {
		if i%2 == 0 {
			fill(c, color.RGBA{0xf4, 0xf6, 0xf8, 0xff}, c.Min.X, y(row), c.Max.X, y(row+float64(len(b.Flights))))
		}
		for _, f := range b.Flights {
			line := draw.LineStyle{Color: colour(int(f.Mark)), Width: 1.4}
			sent, middle := x(f.Sent), y(row+0.5)
			if f.Mark == MarkArrived {
				c.StrokeLine2(line, sent, middle, max(x(f.Came), sent+1.5), middle) // long enough to be seen
			} else {
				const r = 2.6
				c.StrokeLine2(line, sent-r, middle-r, sent+r, middle+r)
				c.StrokeLine2(line, sent-r, middle+r, sent+r, middle-r)
			}
			row++
		}
	}
	style := letters(8.5, ink)
	for i, m := range t.moments {
		at := x(m.At)
		c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.9, Dashes: dashes[1]}, at, c.Min.Y, at, c.Max.Y)
		label := vg.Point{X: at + 3, Y: c.Max.Y - vg.Length(1+10*(i%3))}
		if at+style.Width(m.Name)+4 > c.Max.X {
			label.X = at - style.Width(m.Name) - 3
		}
		c.FillText(style, label, m.Name)
	}
}
