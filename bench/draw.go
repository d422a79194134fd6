package bench

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"udpcam/bench/internal/plot"
	"udpcam/internal/trace"
	"udpcam/protocol"
)

// A figure says which values of the rows are drawn, and how.
type figure struct {
	name, title, unit string
	log               bool
	values            []string // JSON names; several are bars side by side, or curves in several pictures
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
	along := r.sweep()
	for _, f := range figures {
		pictures := []figure{f}
		if along != nil {
			pictures = f.apart()
		}
		for _, f := range pictures {
			path := filepath.Join(dir, r.Bench+"-"+f.name+".svg")
			drawn := false
			if slices.Contains(f.benches, r.Bench) {
				drawn, err = r.draw(f, along, path)
			}
			if err != nil {
				return paths, err
			}
			if drawn {
				paths = append(paths, path)
			}
		}
	}
	return paths, nil
}

// PlotStory draws what happened to one frame of a case into a file in a folder, and returns its path.
func PlotStory(name string, s *trace.Story, dir string) (path string, err error) {
	file := strings.Trim(regexp.MustCompile(`[^a-zA-Z0-9.]`).ReplaceAllString(name, "-"), "-")
	path = filepath.Join(dir, fmt.Sprintf("frame-%d-%s.svg", s.ID, file))
	title := fmt.Sprintf("Frame %d: %s", s.ID, name)
	return path, plot.Chart{Title: title, X: "ms since capture", Footer: []string{s.Explain()}, Path: path}.Timeline(s)
}

// An axis is a column that can be the horizontal axis of curves.
type axis struct{ key, label string }

var axes = []axis{{"loss_pct", "packets lost, %"}, {"rtt_ms", "round trip, ms"}, {"viewers", "viewers"}}

// sweep returns the horizontal axis for curves: a column with at least three values. Nil means bars.
func (r *Results) sweep() *axis {
	if slices.ContainsFunc(r.Rows, func(row Row) bool { _, err := FindScenario(row.Scenario); return err == nil }) {
		return nil
	}
	for i := range axes {
		distinct := map[float64]bool{}
		for j := range r.Rows {
			if v := r.Rows[j].number(axes[i].key); !math.IsNaN(v) {
				distinct[v] = true
			}
		}
		if len(distinct) >= 3 {
			return &axes[i]
		}
	}
	return nil
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

// draw draws a figure as curves along a column, or as bars if that is nil. It reports false if no row has such figures.
func (r *Results) draw(f figure, along *axis, path string) (drawn bool, err error) {
	var categories []string
	var series []plot.Series
	for i := range r.Rows {
		row := &r.Rows[i]
		var x float64
		var name string
		if along != nil {
			x, name = row.number(along.key), r.label(row, along.key, "scenario")
		} else {
			var category string
			category, name = r.category(row)
			x = float64(index(&categories, category))
		}
		for j, key := range f.values {
			y := row.number(key)
			if math.IsNaN(x) || math.IsNaN(y) || f.log && y <= 0 {
				continue
			}
			name := strings.Trim(name+", "+f.names[j], ", ")
			at := slices.IndexFunc(series, func(s plot.Series) bool { return s.Name == name })
			if at < 0 {
				at = len(series)
				series = append(series, plot.Series{Name: name})
			}
			series[at].Points = append(series[at].Points, struct{ X, Y float64 }{x, y})
		}
	}
	if series == nil {
		return false, nil
	}
	_, common := r.table()
	made := r.Made.lines()
	chart := plot.Chart{Title: f.title, Y: f.unit, LogY: f.log, Path: path,
		Footer: []string{strings.Join(common, "; "), strings.Join(made[:len(made)-1], "; "), made[len(made)-1]}}
	chart.YMin, chart.YMax = f.bounds(series)
	if along == nil {
		return true, chart.Bars(categories, series, text)
	}
	chart.X = along.label
	if along.key == "loss_pct" && f.name == "delivered" {
		first := r.Rows[0]
		packets := math.Ceil(float64(first.FrameBytes) / float64(cmp.Or(first.Segment, protocol.DefaultSegmentSize)))
		chart.Footer = append(chart.Footer, fmt.Sprintf("Without repair, a frame needs all of its %.0f packets.", packets))
		series = append(series, unrepaired(packets, series))
	}
	return true, chart.Lines(series)
}

// category returns where the bars of a row stand, and the name of their group. Links, carriers and ways of sending are side by
// side. The name is "" if there is one group only.
func (r *Results) category(row *Row) (category, group string) {
	switch {
	case r.Bench == "compare":
		return cmp.Or(r.label(row, "carrier"), row.Scenario), row.Carrier
	case r.Bench == "speed":
		return r.label(row, "gso", "gro"), fmt.Sprintf("GSO %s, GRO %s", row.GSO, row.GRO)
	case slices.ContainsFunc(r.Rows, func(other Row) bool { return other.Link != row.Link }):
		group = row.Link
	}
	return cmp.Or(r.label(row, "link"), row.Scenario), group
}

// index returns where a name is in a list. If it is not there, it is added.
func index(list *[]string, name string) int {
	i := slices.Index(*list, name)
	if i < 0 {
		i = len(*list)
		*list = append(*list, name)
	}
	return i
}

// apart splits the figure into one picture for each of its values.
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

// unrepaired is the share of frames that would arrive without repair. Losses are independent.
func unrepaired(packets float64, measured []plot.Series) plot.Series {
	s := plot.Series{Name: "without repair (computed)", Plain: true}
	last := 0.0
	for _, m := range measured {
		for _, p := range m.Points {
			last = max(last, p.X)
		}
	}
	for i := range 101 {
		x := last * float64(i) / 100
		s.Points = append(s.Points, struct{ X, Y float64 }{x, 100 * math.Pow(1-x/100, packets)})
	}
	return s
}

// bounds are the ends of a figure's axis.
func (f figure) bounds(series []plot.Series) (yMin, yMax float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range series {
		for _, p := range s.Points {
			low, high = min(low, p.Y), max(high, p.Y)
		}
	}
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
