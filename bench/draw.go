package bench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"udpcam/bench/internal/plot"
	"udpcam/protocol"
)

// A figure is something that is drawn of the rows.
type figure struct {
	name, title, unit string
	log               bool
	values            []string // JSON names; several are drawn as groups of bars, or with different dashes
	names             []string // what these are called
	benches           []string // that it is drawn for
}

var figures = []figure{
	{"delivered", "Frames delivered", "% of frames", false, []string{"delivered_pct"}, []string{""}, []string{"loss", "compare", "fanout"}},
	{"delay", "Delay from capture to delivery", "ms", true, []string{"p50_ms", "p99_ms"}, []string{"median", "p99"},
		[]string{"loss", "compare", "fanout", "delay"}},
	{"rate", "Bits of pictures a second, sustained", "Mbit/s", false, []string{"mbit"}, []string{""}, []string{"speed"}},
	{"overhead", "Bytes on the wire over bytes of pictures", "times", false, []string{"wire_overhead"}, []string{""}, []string{"loss", "compare"}},
	{"cpu", "CPU time for a gigabyte of pictures", "s/GB", false, []string{"cpu_s_per_gb", "cpu_send_s_per_gb", "cpu_recv_s_per_gb"},
		[]string{"", "sender", "receiver"}, []string{"loss", "compare", "speed", "fanout"}},
}

// Plot draws the results into files in a folder, and returns their paths.
func (r *Results) Plot(dir string) (paths []string, err error) {
	draw := r.bars
	if sweep := r.sweep(); sweep != "" {
		draw = func(f figure, dir string) ([]string, error) { return r.curves(f, sweep, dir) }
	}
	for _, f := range figures {
		if slices.Contains(f.benches, r.Bench) {
			drawn, err := draw(f, dir)
			if paths = append(paths, drawn...); err != nil {
				return paths, err
			}
		}
	}
	return paths, nil
}

// axes are the columns that can be the horizontal axis of curves, with their labels.
var axes = [][2]string{{"loss_pct", "packets lost, %"}, {"rtt_ms", "round trip, ms"}, {"viewers", "viewers"}}

// sweep returns the horizontal axis for curves: a column with at least three values. "" means bars.
func (r *Results) sweep() string {
	if slices.ContainsFunc(r.Rows, func(row Row) bool { _, err := FindScenario(row.Scenario); return err == nil }) {
		return ""
	}
	for _, axis := range axes {
		distinct := map[float64]bool{}
		for i := range r.Rows {
			if v := r.Rows[i].number(axis[0]); !math.IsNaN(v) {
				distinct[v] = true
			}
		}
		if len(distinct) >= 3 {
			return axis[0]
		}
	}
	return ""
}

// number is the value of a column, NaN if it has none.
func (r *Row) number(key string) float64 {
	c := columns[slices.IndexFunc(columns, func(c column) bool { return c.key == key })]
	v, err := strconv.ParseFloat(exact(c.value(r)), 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// label names a row by its settings, without some columns.
func (r *Results) label(row *Row, without ...string) string {
	without = append(without, "netem", "settings", "frames")
	var parts []string
	named := row.Scenario != "" && !slices.Contains(without, "scenario") // the name says what the network is like
	for _, c := range columns {
		v := c.value(row)
		if v == nil || c.kind == "" || named && c.kind == aside || slices.Contains(without, c.key) ||
			!slices.ContainsFunc(r.Rows, func(other Row) bool { return text(c.value(&other)) != text(v) }) {
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

func (r *Results) chart(f figure, x string) plot.Chart {
	_, _, common := r.table()
	made := r.Made.lines()
	return plot.Chart{Title: f.title, X: x, Y: f.unit, LogY: f.log,
		Footer: []string{strings.Join(common, "; "), strings.Join(made[:len(made)-1], "; "), made[len(made)-1]}}
}

// manyCurves is the number of curves from which each value of a figure gets its own picture.
const manyCurves = 3

// curves draws a figure along a column.
func (r *Results) curves(f figure, key, dir string) (paths []string, err error) {
	var names []string // in the order of the rows
	byName := map[string][]*Row{}
	for i := range r.Rows {
		name := r.label(&r.Rows[i], key, "scenario")
		if byName[name] == nil {
			names = append(names, name)
		}
		byName[name] = append(byName[name], &r.Rows[i])
	}
	for _, rows := range byName {
		slices.SortStableFunc(rows, func(a, b *Row) int { return cmp.Compare(a.number(key), b.number(key)) })
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
					x, y := row.number(key), row.number(value)
					if !math.IsNaN(x) && !math.IsNaN(y) && (y > 0 || !f.log) {
						c.Points = append(c.Points, struct{ X, Y float64 }{x, y})
						low, high = min(low, y), max(high, y)
					}
				}
				if c.Points != nil {
					curves = append(curves, c)
				}
			}
		}
		if curves == nil {
			continue
		}
		if key == "loss_pct" && f.name == "delivered" {
			curves = append(curves, r.unprotected(curves))
		}
		low, high = f.bounds(low, high)
		axis := axes[slices.IndexFunc(axes, func(a [2]string) bool { return a[0] == key })]
		drawn, err := r.chart(f, axis[1]).Lines(curves, low, high, dir, r.Bench+"-"+f.name)
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

// unprotected is the share of frames that would arrive without repair: no packet of them is lost. Losses are independent.
func (r *Results) unprotected(measured []plot.Curve) plot.Curve {
	first := r.Rows[0]
	packets := math.Ceil(float64(first.FrameBytes) / float64(cmp.Or(first.Segment, protocol.DefaultSegmentSize)))
	c := plot.Curve{Name: fmt.Sprintf("nothing repaired (computed: %.0f packets)", packets), Colour: 6, Dash: 2, Plain: true}
	last := 0.0
	for _, m := range measured {
		last = max(last, m.Points[len(m.Points)-1].X)
	}
	for i := range 101 {
		x := last * float64(i) / 100
		c.Points = append(c.Points, struct{ X, Y float64 }{x, 100 * math.Pow(1-x/100, packets)})
	}
	return c
}

// bounds are the ends of a figure's axis for values between low and high.
func (f figure) bounds(low, high float64) (float64, float64) {
	switch {
	case f.name == "delivered":
		return 0, 104
	case f.name == "overhead": // it is at least 1
		return min(1, low), max(1.1, 1+(high-1)*1.1)
	case f.log:
		return math.Pow(10, math.Floor(math.Log10(max(low, 0.01))*2)/2), high * 1.5
	}
	return 0, cmp.Or(high, 1) * 1.1
}

// bars draws a figure with bars for each row. Compared links, carriers and ways of sending are side by side.
func (r *Results) bars(f figure, dir string) (paths []string, err error) {
	var categories, series []string
	rows := map[[2]string]*Row{}
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
		rows[[2]string{category, group}] = row
	}
	var groups []plot.Group
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range series {
		for j, value := range f.values {
			g := plot.Group{Name: f.names[j]}
			if len(series) > 1 {
				g.Name = strings.Trim(s+", "+g.Name, ", ")
			}
			for _, c := range categories {
				v := math.NaN()
				if row := rows[[2]string{c, s}]; row != nil {
					v = row.number(value)
				}
				if g.Values = append(g.Values, v); !math.IsNaN(v) {
					low, high = min(low, v), max(high, v)
				}
			}
			if slices.ContainsFunc(g.Values, func(v float64) bool { return !math.IsNaN(v) }) {
				groups = append(groups, g)
			}
		}
	}
	if groups == nil {
		return nil, nil
	}
	low, high = f.bounds(low, high)
	shown := func(v float64) string { return text(v) }
	path, err := r.chart(f, "").Bars(categories, groups, low, high, shown, dir, r.Bench+"-"+f.name)
	return []string{path}, err
}
