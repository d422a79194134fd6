package bench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"udpcam/bench/internal/plot"
	"udpcam/internal/trace"
	"udpcam/protocol"
)

// A figure is something of a row that is drawn.
type figure struct {
	name, title, unit string
	log               bool
	values            []string // JSON names; more than one are drawn as groups of bars, or in different dashes
	names             []string // what these are called
	of                string   // the benches that it is of
}

// figures are the pictures of a report, as far as it has what they show.
var figures = []figure{
	{"delivered", "Frames delivered", "% of frames", false, []string{"delivered_pct"}, []string{""}, "loss compare fanout"},
	{"delay", "Delay from capture to delivery", "ms", true, []string{"p50_ms", "p99_ms"}, []string{"median", "p99"}, "loss compare fanout delay"},
	{"rate", "Bits of pictures a second, sustained", "Mbit/s", false, []string{"mbit"}, []string{""}, "speed"},
	{"overhead", "Bytes on the wire over bytes of pictures", "times", false, []string{"wire_overhead"}, []string{""}, "loss compare"},
	{"cpu", "CPU time for a gigabyte of pictures", "s/GB", false,
		[]string{"cpu_s_per_gb", "cpu_send_s_per_gb", "cpu_recv_s_per_gb"}, []string{"", "sender", "receiver"}, "loss compare speed fanout"},
}

// Plot draws the report into files in a folder, and returns their paths.
func (r *Report) Plot(dir string) (paths []string, err error) {
	sweep := r.sweep()
	for _, f := range figures {
		if !slices.Contains(strings.Fields(f.of), r.Bench) {
			continue
		}
		var drawn []string
		if sweep != "" {
			drawn, err = r.curves(f, sweep, dir)
		} else {
			drawn, err = r.bars(f, dir)
		}
		if err != nil {
			return paths, err
		}
		paths = append(paths, drawn...)
	}
	return paths, nil
}

// sweep is the column along which figures are curves, "" if they are bars: one that numbers at least three values.
func (r *Report) sweep() string {
	for _, key := range []string{"loss_pct", "rtt_ms", "viewers"} {
		if slices.ContainsFunc(r.Rows, func(row Row) bool { _, err := FindScenario(row.Scenario); return err == nil }) {
			return ""
		}
		distinct := map[float64]bool{}
		for i := range r.Rows {
			if v, ok := number(columnOf(key).value(&r.Rows[i])); ok {
				distinct[v] = true
			}
		}
		if len(distinct) >= 3 {
			return key
		}
	}
	return ""
}

func columnOf(key string) column {
	return columns[slices.IndexFunc(columns, func(c column) bool { return c.key == key })]
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case uint64:
		return float64(v), true
	case int:
		return float64(v), true
	}
	return math.NaN(), false
}

// label tells a row from the others by what was asked, one column left out.
func (r *Report) label(row *Row, without ...string) string {
	var parts []string
	named := row.Scenario != "" && !slices.Contains(without, "scenario") // which says what the network is like
	for _, c := range columns {
		if c.kind == "" || named && c.kind == aside || c.key == "netem" || c.key == "settings" || c.key == "frames" || slices.Contains(without, c.key) {
			continue
		}
		values := map[string]bool{}
		for i := range r.Rows {
			values[text(c.value(&r.Rows[i]))] = true
		}
		v := c.value(row)
		if len(values) < 2 || v == nil {
			continue
		}
		switch c.key {
		case "carrier", "link", "scenario", "stage":
			parts = append(parts, text(v))
		case "stalled":
			parts = append(parts, text(v)+" stalled")
		default:
			parts = append(parts, strings.TrimSpace(c.title+" "+text(v)+" "+c.unit))
		}
	}
	return strings.Join(parts, ", ")
}

func (r *Report) chart(f figure, x string) plot.Chart {
	_, _, common := r.table()
	made := r.Made.lines()
	return plot.Chart{Title: f.title, X: x, Y: f.unit, LogY: f.log,
		Footer: []string{strings.Join(common, "; "), strings.Join(made[:len(made)-1], "; "), made[len(made)-1]}}
}

// manyCurves is from how many rows in each place on a picture shows one of its values only, and another the next.
const manyCurves = 3

// curves draws a figure along a column.
func (r *Report) curves(f figure, key, dir string) (paths []string, err error) {
	var names []string // in the order of the rows
	byName := map[string][]*Row{}
	for i := range r.Rows {
		name := r.label(&r.Rows[i], key, "scenario")
		if byName[name] == nil {
			names = append(names, name)
		}
		byName[name] = append(byName[name], &r.Rows[i])
	}
	pictures := []figure{f}
	if len(names) >= manyCurves && len(f.values) > 1 {
		pictures = f.apart()
	}
	for _, f := range pictures {
		var curves []plot.Curve
		low, high := math.Inf(1), math.Inf(-1)
		for i, name := range names {
			for j, value := range f.values {
				c := plot.Curve{Name: strings.Trim(name+", "+f.names[j], ", "), Colour: i, Dash: j}
				for _, row := range byName[name] {
					at, ok1 := number(columnOf(key).value(row))
					v, ok2 := number(columnOf(value).value(row))
					if ok1 && ok2 && (v > 0 || !f.log) {
						c.X, c.Y = append(c.X, at), append(c.Y, v)
						low, high = min(low, v), max(high, v)
					}
				}
				if len(c.X) > 0 {
					sortCurve(&c)
					curves = append(curves, c)
				}
			}
		}
		if len(curves) == 0 {
			continue
		}
		if key == "loss_pct" && f.name == "delivered" {
			curves = append(curves, r.unprotected(curves))
		}
		low, high = f.bounds(low, high)
		drawn, err := r.chart(f, axes[key]).Lines(curves, low, high, dir, r.Bench+"-"+f.name)
		if err != nil {
			return paths, err
		}
		paths = append(paths, drawn)
	}
	return paths, nil
}

// apart is the figure as one picture for each of its values.
func (f figure) apart() (pictures []figure) {
	for i, name := range f.names {
		p := f
		p.values, p.names = f.values[i:i+1], []string{""}
		if name != "" {
			p.name, p.title = f.name+"-"+name, f.title+": "+name
		}
		pictures = append(pictures, p)
	}
	return pictures
}

// axes are what is written below a figure that is drawn along a column.
var axes = map[string]string{
	"loss_pct": "packets lost, %",
	"rtt_ms":   "round trip, ms",
	"viewers":  "viewers",
}

func sortCurve(c *plot.Curve) {
	order := make([]int, len(c.X))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.X[a], c.X[b]) })
	x, y := slices.Clone(c.X), slices.Clone(c.Y)
	for i, at := range order {
		c.X[i], c.Y[i] = x[at], y[at]
	}
}

// unprotected is the curve of frames of which no packet is lost, where losses are independent: what arrives without
// parity and requests.
func (r *Report) unprotected(measured []plot.Curve) plot.Curve {
	first := r.Rows[0]
	packets := math.Ceil(float64(first.FrameBytes) / float64(cmp.Or(first.Segment, protocol.DefaultSegmentSize)))
	c := plot.Curve{Name: fmt.Sprintf("nothing repaired (computed: %.0f packets)", packets), Colour: 6, Dash: 2, Plain: true}
	last := 0.0
	for _, m := range measured {
		last = max(last, slices.Max(m.X))
	}
	for i := range 101 {
		x := last * float64(i) / 100
		c.X, c.Y = append(c.X, x), append(c.Y, 100*math.Pow(1-x/100, packets))
	}
	return c
}

// bounds are how far the axis of a figure goes for values between low and high.
func (f figure) bounds(low, high float64) (float64, float64) {
	switch {
	case f.name == "delivered":
		return 0, 104
	case f.name == "overhead": // less there cannot be
		return min(1, low), max(1.1, 1+(high-1)*1.1)
	case f.log:
		return math.Pow(10, math.Floor(math.Log10(low)*2)/2), high * 1.5
	}
	return 0, cmp.Or(high, 1) * 1.1
}

// bars draws a figure with a place for each row.
func (r *Report) bars(f figure, dir string) (paths []string, err error) {
	// What is compared stands side by side: links, carriers, ways of sending.
	var categories, series []string
	cell := map[[2]string]*Row{}
	for i := range r.Rows {
		row := &r.Rows[i]
		var category, group string
		switch r.Bench {
		case "compare":
			category, group = cmp.Or(r.label(row, "carrier"), row.Scenario), row.Carrier
		case "speed":
			category, group = r.label(row, "gso", "gro"), fmt.Sprintf("GSO %s, GRO %s", row.GSO, row.GRO)
		default:
			category, group = cmp.Or(r.label(row, "link"), row.Scenario), row.Link
		}
		if !slices.Contains(categories, category) {
			categories = append(categories, category)
		}
		if !slices.Contains(series, group) {
			series = append(series, group)
		}
		cell[[2]string{category, group}] = row
	}
	var groups []plot.Group
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range series {
		for j, value := range f.values {
			name := f.names[j]
			if len(series) > 1 {
				name = strings.Trim(s+", "+name, ", ")
			}
			g := plot.Group{Name: name}
			any := false
			for _, c := range categories {
				v := math.NaN()
				if row := cell[[2]string{c, s}]; row != nil {
					v, _ = number(columnOf(value).value(row))
				}
				g.Values = append(g.Values, v)
				if !math.IsNaN(v) {
					any, low, high = true, min(low, v), max(high, v)
				}
			}
			if any {
				groups = append(groups, g)
			}
		}
	}
	if len(groups) == 0 {
		return nil, nil
	}
	if f.log && low <= 0 {
		low = 0.01
	}
	low, high = f.bounds(low, high)
	path, err := r.chart(f, "").Bars(categories, groups, low, high, dir, r.Bench+"-"+f.name)
	return []string{path}, err
}

// A Timeline is the story of one frame, to be drawn.
type Timeline struct {
	Case  string
	Story trace.Story
}

// Plot draws the timeline into a file in a folder, and returns its path.
func (t Timeline) Plot(dir string) (path string, err error) {
	s := &t.Story
	after := func(at int64) float64 { return float64(at-s.Captured) / 1e3 }
	var bands []plot.Band
	var flights []plot.Flight
	row := 0
	for _, b := range []struct {
		name      string
		datagrams []trace.Datagram
	}{{"data", s.Data}, {"parity", s.Parity}, {"requests", s.Requests}, {"answers", s.Answers}} {
		if len(b.datagrams) == 0 {
			continue
		}
		bands = append(bands, plot.Band{Name: fmt.Sprintf("%d %s", len(b.datagrams), b.name), Rows: len(b.datagrams)})
		for _, d := range b.datagrams {
			mark := plot.MarkLost
			switch d.Fate {
			case trace.Arrived:
				mark = plot.MarkArrived
			case trace.Full:
				mark = plot.MarkFull
			}
			flights = append(flights, plot.Flight{Row: row, Sent: after(d.Sent), Came: after(max(d.Sent, d.Arrived)), Mark: mark})
			row++
		}
	}
	var moments []plot.Moment
	switch {
	case s.Delivered != nil:
		moments = append(moments, plot.Moment{At: after(*s.Delivered), Name: "delivered"})
	case s.Given > 0:
		moments = append(moments, plot.Moment{At: after(s.Given), Name: fmt.Sprintf("given up: frame %d is handed on", s.Newer)})
	}
	chart := plot.Chart{Title: fmt.Sprintf("Frame %d: %s", s.ID, t.Case), X: "ms since capture", Footer: []string{s.Explain()}}
	return chart.Timeline(bands, flights, moments, dir, fmt.Sprintf("frame-%d-%s", s.ID, fileName(t.Case)))
}

// fileName makes a name fit to be a file's.
func fileName(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, name), "-")
}
