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
		return empty
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

// A tableColumn is a column as text: its title, then a cell for each row.
type tableColumn struct {
	cells  []string
	digits bool // whether all cells below the title are figures or empty
}

const empty = "–"

// table returns the columns that are not empty, and the values that all rows share.
func (r *Results) table() (shown []tableColumn, common []string) {
	for _, c := range columns {
		t := tableColumn{[]string{strings.TrimSpace(c.title + " " + c.unit)}, true}
		for i := range r.Rows {
			cell := text(c.value(&r.Rows[i]))
			_, err := strconv.ParseFloat(cell, 64)
			t.digits = t.digits && (err == nil || cell == empty)
			t.cells = append(t.cells, cell)
		}
		values := slices.Compact(slices.Clone(t.cells[1:]))
		switch same := len(values) == 1; {
		case c.kind == aside || same && values[0] == empty:
		case c.kind == asked && same:
			common = append(common, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.title, values[0], c.unit)))
		default:
			shown = append(shown, t)
		}
	}
	return shown, common
}

// WriteTable writes the results for a terminal.
func (r *Results) WriteTable(w io.Writer) error {
	shown, common := r.table()
	lines := make([]string, len(r.Rows)+1)
	for _, t := range shown {
		width := 0
		for _, cell := range t.cells {
			width = max(width, utf8.RuneCountInString(cell))
		}
		if !t.digits {
			width = -width // aligned to the left
		}
		for i, cell := range t.cells {
			lines[i] += fmt.Sprintf("%*s  ", width, cell)
		}
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	lines = slices.Insert(lines, 1, strings.Repeat("─", utf8.RuneCountInString(lines[0])))
	lines = slices.Concat(lines, []string{""}, r.below(common), r.Made.lines())
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// WriteMarkdown writes the results for a web page.
func (r *Results) WriteMarkdown(w io.Writer) error {
	shown, common := r.table()
	lines := make([]string, len(r.Rows)+2)
	for _, t := range shown {
		rule := ":--"
		if t.digits {
			rule = "--:"
		}
		for i, cell := range slices.Insert(t.cells, 1, rule) {
			lines[i] += "| " + cell + " "
		}
	}
	for i := range lines {
		lines[i] += "|"
	}
	lines = append(lines, "")
	made := r.Made.lines()
	last := len(made) - 1
	for _, line := range append(r.below(common), strings.Join(made[:last], "; ")) {
		lines = append(lines, "- "+line)
	}
	_, err := fmt.Fprintf(w, "%s\n\n```\n%s\n```\n", strings.Join(lines, "\n"), made[last])
	return err
}
