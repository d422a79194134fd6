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

// A column shows a field of Row in tables and CSV files.
type column struct {
	key, title, unit string // key is the name in JSON and CSV
	kind             string // asked, aside, or "" for an answer
	field            int    // of Row
}

// Kinds of columns that are part of the question, not of the answer.
const (
	asked = "asked" // shown once below the table if it is the same in all rows
	aside = "aside" // not in the table: the text below it covers this
)

var columns = func() (columns []column) {
	row := reflect.TypeFor[Row]()
	for i := range row.NumField() {
		tag := row.Field(i).Tag
		key, _, _ := strings.Cut(tag.Get("json"), ",")
		show := strings.Split(tag.Get("show"), ",")
		columns = append(columns, column{key, show[0], show[1], show[2], i})
	}
	return columns
}()

// value is the column's value in a row, nil if it has none.
func (c column) value(r *Row) any {
	v := reflect.ValueOf(r).Elem().Field(c.field)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	} else if v.IsZero() {
		return nil
	}
	return v.Interface()
}

// text formats a figure for people.
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

// exact formats a figure for programs.
func exact(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return text(v)
}

// WriteJSON writes the results as one object.
func (r *Results) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// WriteCSV writes a header line of JSON names, then all rows. The last column says what made them.
func (r *Results) WriteCSV(w io.Writer) error {
	records := make([][]string, len(r.Rows)+1)
	for _, c := range columns {
		records[0] = append(records[0], c.key)
		for i := range r.Rows {
			records[i+1] = append(records[i+1], exact(c.value(&r.Rows[i])))
		}
	}
	records[0] = append(records[0], "made")
	for i := range r.Rows {
		records[i+1] = append(records[i+1], strings.Join(r.Made.lines(), "; "))
	}
	return csv.NewWriter(w).WriteAll(records)
}

// below returns the lines below a table: common values, the networks, the carriers' settings, and notes.
func (r *Results) below(common []string) (lines []string) {
	if len(common) > 0 {
		lines = append(lines, strings.Join(common, "; "))
	}
	say := func(name, text string) {
		if line := name + ": " + text; text != "" && name != text && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	for i := range r.Rows {
		if n, err := FindScenario(r.Rows[i].Scenario); err == nil { // other networks have names that say what they do
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

// lines describes for people what made results.
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

// table returns the columns that are not empty, their cells, and the values that all rows share.
func (r *Results) table() (head []string, cells [][]string, common []string) {
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

// WriteTable writes the results for a terminal.
func (r *Results) WriteTable(w io.Writer) error {
	head, cells, common := r.table()
	lines := append([][]string{head}, cells...)
	var b strings.Builder
	for at, line := range lines {
		row := ""
		for i, cell := range line {
			width := 0
			for _, l := range lines {
				width = max(width, utf8.RuneCountInString(l[i]))
			}
			if !numeric(cells, i) {
				width = -width // aligned to the left
			}
			row += fmt.Sprintf("%*s  ", width, cell)
		}
		row = strings.TrimRight(row, " ")
		fmt.Fprintln(&b, row)
		if at == 0 {
			fmt.Fprintln(&b, strings.Repeat("─", utf8.RuneCountInString(row)))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", strings.Join(append(r.below(common), r.Made.lines()...), "\n"))
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

// WriteMarkdown writes the results for a web page.
func (r *Results) WriteMarkdown(w io.Writer) error {
	head, cells, common := r.table()
	rule := make([]string, len(head))
	for i := range head {
		if rule[i] = ":--"; numeric(cells, i) {
			rule[i] = "--:"
		}
	}
	var b strings.Builder
	for _, line := range append([][]string{head, rule}, cells...) {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
	}
	b.WriteString("\n")
	made := r.Made.lines()
	last := len(made) - 1
	for _, line := range append(r.below(common), strings.Join(made[:last], "; ")) {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	fmt.Fprintf(&b, "\n```\n%s\n```\n", made[last])
	_, err := io.WriteString(w, b.String())
	return err
}
