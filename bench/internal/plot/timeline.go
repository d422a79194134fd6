package plot

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"udpcam/internal/trace"
)

// A timeline draws what happened to one frame. Each datagram has a row: a line from sending to arrival, or a cross if it did not
// arrive.
type timeline struct {
	*trace.Story
	bands []band
}

// A band is a set of neighbouring rows.
type band struct {
	name      string
	datagrams []trace.Datagram
}

// fates are the colours of datagrams.
var fates = map[trace.Fate]color.Color{
	trace.Arrived: palette[0], trace.Lost: palette[1], trace.Missing: palette[1], trace.Full: palette[3],
}

// Timeline draws what happened to a frame, over the time since it was captured.
func (c Chart) Timeline(s *trace.Story) error {
	p, l := c.base(), legend()
	g := grid()
	g.Horizontal.Color = nil
	t := &timeline{s, []band{{"data", s.Data}, {"parity", s.Parity}, {"requests", s.Requests}, {"answers", s.Answers}}}
	p.Add(g, t)
	last, rows := 1.0, 0.0
	var ticks plot.ConstantTicks
	for _, b := range t.bands {
		for _, d := range b.datagrams {
			last = max(last, t.after(d.Sent), t.after(d.Arrived))
		}
		if n := float64(len(b.datagrams)); n > 0 {
			ticks = append(ticks, plot.Tick{Value: rows + n/2, Label: fmt.Sprintf("%g %s", n, b.name)})
			rows += n
		}
	}
	end, _ := t.end()
	last = max(last, end)
	p.X.Min, p.X.Max = -0.01*last, last*1.06
	p.Y.Min, p.Y.Max = 0, rows*1.05+1
	p.Y.Tick.Marker, p.Y.Tick.Length = ticks, 0
	l.Add("arrived", &bars{colour: fates[trace.Arrived]})
	l.Add("lost", &bars{colour: fates[trace.Lost]})
	l.Add("dropped by a full queue", &bars{colour: fates[trace.Full]})
	return c.save(p, l, height+4*vg.Centimeter)
}

// after is how long after the frame's capture something happened, in milliseconds.
func (t *timeline) after(at int64) float64 { return float64(at-t.Captured) / 1e3 }

// end tells when and how the frame's story ended. It is "" if the trace does not tell.
func (t *timeline) end() (at float64, how string) {
	switch {
	case t.Delivered != nil:
		return t.after(*t.Delivered), "delivered"
	case t.Given > 0:
		return t.after(t.Given), fmt.Sprintf("given up: frame %d is handed on", t.Newer)
	}
	return 0, ""
}

// Plot implements plot.Plotter.
func (t *timeline) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	row := 0.0
	shaded := true
	for _, b := range t.bands {
		if len(b.datagrams) > 0 && shaded {
			fill(c, color.RGBA{0xf4, 0xf6, 0xf8, 0xff}, c.Min.X, y(row), c.Max.X, y(row+float64(len(b.datagrams))))
		}
		shaded = shaded != (len(b.datagrams) > 0)
		for _, d := range b.datagrams {
			line := draw.LineStyle{Color: fates[d.Fate], Width: 1.4}
			sent, middle := x(t.after(d.Sent)), y(row+0.5)
			if d.Fate == trace.Arrived {
				c.StrokeLine2(line, sent, middle, max(x(t.after(d.Arrived)), sent+1.5), middle) // long enough to be seen
			} else {
				const r = 2.6
				c.StrokeLine2(line, sent-r, middle-r, sent+r, middle+r)
				c.StrokeLine2(line, sent-r, middle+r, sent+r, middle-r)
			}
			row++
		}
	}
	end, how := t.end()
	if how == "" {
		return
	}
	at, style := x(end), letters(8.5, ink)
	c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.9, Dashes: dotted}, at, c.Min.Y, at, c.Max.Y)
	c.FillText(style, vg.Point{X: min(at+3, c.Max.X-style.Width(how)), Y: c.Max.Y - 1}, how)
}
