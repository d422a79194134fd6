package bench

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A column is a figure of a row as tables and CSV files show it.
type column struct {
	key   string // in JSON and CSV
	title string // in tables
	unit  string
	kind  kind
	value func(*Row) any
}

type kind int

const (
	answer kind = iota
	asked       // it is part of the question: if it is the same in all rows, a table tells it once, below
	aside       // part of the question, and in a table told below in other words
)

// titles are the columns in their order: the JSON name, the title, the unit.
var titles = []struct {
	key, title, unit string
	kind             kind
}{
	{"carrier", "carried by", "", asked},
	{"link", "link", "", asked},
	{"scenario", "network", "", asked},
	{"netem", "netem", "", aside},
	{"loss_pct", "loss", "%", aside},
	{"burst", "bursts of", "", aside},
	{"rtt_ms", "RTT", "ms", aside},
	{"jitter_ms", "jitter", "ms", aside},
	{"rate_mbit", "rate", "Mbit/s", aside},
	{"frame_bytes", "frame", "bytes", asked},
	{"fps", "fps", "", asked},
	{"segment", "segment", "bytes", asked},
	{"fec", "parity", "", asked},
	{"gso", "GSO", "", asked},
	{"gro", "GRO", "", asked},
	{"viewers", "viewers", "", asked},
	{"stalled", "stalled", "", asked},
	{"stage", "stage", "", asked},
	{"camera", "camera", "", asked},
	{"frames", "frames", "", asked},
	{"delivered_pct", "delivered", "%", answer},
	{"worst_viewer_pct", "worst", "%", answer},
	{"sustained_fps", "frames/s", "", answer},
	{"mbit", "Mbit/s", "", answer},
	{"p50_ms", "p50", "ms", answer},
	{"p95_ms", "p95", "ms", answer},
	{"p99_ms", "p99", "ms", answer},
	{"max_ms", "max", "ms", answer},
	{"by_parity", "by parity", "", answer},
	{"by_request", "by request", "", answer},
	{"dropped", "dropped", "", answer},
	{"damaged", "damaged", "", answer},
	{"packet_loss_pct", "lost", "%", answer},
	{"wire_overhead", "wire ×", "", answer},
	{"cpu_s_per_gb", "CPU s/GB", "", answer},
	{"cpu_send_s_per_gb", "send s/GB", "", answer},
	{"cpu_recv_s_per_gb", "recv s/GB", "", answer},
	{"memory_mb", "memory MB", "", answer},
	{"settings", "settings", "", aside},
}

// columns are the titles with the fields of Row that they stand for.
var columns = func() (columns []column) {
	fields := map[string]int{}
	row := reflect.TypeFor[Row]()
	for i := range row.NumField() {
		key, _, _ := strings.Cut(row.Field(i).Tag.Get("json"), ",")
		fields[key] = i
	}
	for _, t := range titles {
		field := fields[t.key]
		columns = append(columns, column{t.key, t.title, t.unit, t.kind, func(r *Row) any {
			v := reflect.ValueOf(r).Elem().Field(field)
			if v.Kind() == reflect.Pointer && !v.IsNil() {
				v = v.Elem()
			} else if v.IsZero() {
				return nil
			}
			return v.Interface()
		}})
	}
	return columns
}()

// text is a figure as people read it.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case float64:
		switch {
		case v != 0 && v < 10:
			return strconv.FormatFloat(v, 'f', 2, 64)
		case v < 100:
			return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
		}
		return strconv.FormatFloat(v, 'f', 0, 64)
	case map[string]uint64:
		var parts []string
		for _, reason := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, fmt.Sprintf("%d %s", v[reason], reason))
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(v)
}

// exact is a figure as programs read it.
func exact(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return text(v)
}

// WriteJSON writes the report as one object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// ReadReport reads what WriteJSON wrote.
func ReadReport(r io.Reader) (*Report, error) {
	report := &Report{}
	err := json.NewDecoder(r).Decode(report)
	return report, err
}

// WriteCSV writes the rows with all columns, below a line of their JSON names, and what made them in the last one.
func (r *Report) WriteCSV(w io.Writer) error {
	var records [][]string
	var head []string
	for _, c := range columns {
		head = append(head, c.key)
	}
	records = append(records, append(head, "made"))
	made := strings.Join(r.Made.lines(), "; ")
	for i := range r.Rows {
		var record []string
		for _, c := range columns {
			record = append(record, exact(c.value(&r.Rows[i])))
		}
		records = append(records, append(record, made))
	}
	return csv.NewWriter(w).WriteAll(records)
}

// below is what stands below a table: what is the same in all rows, what the networks do and how the carriers were set,
// and notes.
func (r *Report) below(common []string) (lines []string) {
	if len(common) > 0 {
		lines = append(lines, strings.Join(common, "; "))
	}
	say := func(name, text string) {
		if line := name + ": " + text; text != "" && name != text && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	for i := range r.Rows {
		if n, err := FindScenario(r.Rows[i].Scenario); err == nil { // the others are named after what they do
			say(n.Name, n.Words())
		}
	}
	for i := range r.Rows {
		say(r.Rows[i].Carrier, r.Rows[i].Settings)
	}
	if r.Bench == "compare" {
		lines = append(lines, better(r.Rows)...)
	}
	return append(lines, r.Notes...)
}

// lines tells people what made a report.
func (e Environment) lines() []string {
	machine := fmt.Sprintf("%s, %d × %s", e.System, e.CPUs, e.CPU)
	if e.CPU == "" {
		machine = fmt.Sprintf("%s, %d CPUs", e.System, e.CPUs)
	}
	if e.Kernel != "" {
		machine += ", kernel " + e.Kernel
	}
	lines := []string{machine, "udpcam " + e.Udpcam + ", " + e.Go}
	for _, program := range slices.Sorted(maps.Keys(e.Programs)) {
		lines = append(lines, program+": "+e.Programs[program])
	}
	return append(lines, e.Command)
}

// table returns the columns that say something, the cells below them, and what is the same in all rows.
func (r *Report) table() (head []string, cells [][]string, common []string) {
	cells = make([][]string, len(r.Rows))
	for _, c := range columns {
		if c.kind == aside {
			continue
		}
		var values []string
		any := false
		for i := range r.Rows {
			v := c.value(&r.Rows[i])
			any = any || v != nil
			values = append(values, text(v))
		}
		same := len(slices.Compact(slices.Clone(values))) == 1
		switch {
		case !any:
		case c.kind == asked && same:
			common = append(common, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.title, values[0], c.unit)))
		default:
			head = append(head, strings.TrimSpace(c.title+" "+c.unit))
			for i, v := range values {
				cells[i] = append(cells[i], v)
			}
		}
	}
	return head, cells, common
}

// WriteTable writes the report for a terminal.
func (r *Report) WriteTable(w io.Writer) error {
	head, cells, common := r.table()
	widths := make([]int, len(head))
	for _, line := range append([][]string{head}, cells...) {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for at, line := range append([][]string{head}, cells...) {
		var row strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if numeric(cells, i) {
				row.WriteString(pad + cell + "  ")
			} else {
				row.WriteString(cell + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
		if at == 0 {
			b.WriteString(strings.Repeat("─", utf8.RuneCountInString(strings.TrimRight(row.String(), " "))) + "\n")
		}
	}
	b.WriteString("\n" + strings.Join(append(r.below(common), r.Made.lines()...), "\n") + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// numeric reports whether a column of cells holds figures.
func numeric(cells [][]string, column int) bool {
	for _, line := range cells {
		if _, err := strconv.ParseFloat(line[column], 64); err != nil && line[column] != "–" {
			return false
		}
	}
	return true
}

// WriteMarkdown writes the report for a web page.
func (r *Report) WriteMarkdown(w io.Writer) error {
	head, cells, common := r.table()
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(head)
	var rule []string
	for i := range head {
		if numeric(cells, i) {
			rule = append(rule, "--:")
		} else {
			rule = append(rule, ":--")
		}
	}
	line(rule)
	for _, c := range cells {
		line(c)
	}
	b.WriteString("\n")
	made := r.Made.lines()
	for _, line := range append(r.below(common), strings.Join(made[:len(made)-1], "; ")) {
		b.WriteString("- " + line + "\n")
	}
	fmt.Fprintf(&b, "\n```\n%s\n```\n", made[len(made)-1])
	_, err := io.WriteString(w, b.String())
	return err
}
