package main

import (
	"fmt"
	"slices"
	"strconv"

	"udpcam/cmd/internal/cmdline"
	"udpcam/sender/source"
)

// A table is one [[send]], [[recv]] or [[serve]] of a file: a subcommand with its flags.
type table struct {
	command string
	line    int
	entries []entry
}

// An entry is a key of a file with its value.
type entry struct {
	key   string
	line  int
	value any
}

// A mistake is an error in a line of a file.
type mistake struct {
	line int
	text string
}

func (m mistake) Error() string { return m.text }

func mistakef(line int, format string, args ...any) error {
	return mistake{line, fmt.Sprintf(format, args...)}
}

// find returns the entry of a key, or nil.
func (t table) find(key string) *entry {
	i := slices.IndexFunc(t.entries, func(e entry) bool { return e.key == key })
	if i < 0 {
		return nil
	}
	return &t.entries[i]
}

// values returns the values of a key as they would be given on the command line.
func (t table) values(key string) (values []string) {
	e := t.find(key)
	if e == nil {
		return nil
	}
	list, isList := e.value.([]any)
	if !isList {
		list = []any{e.value}
	}
	for _, value := range list {
		values = append(values, textOf(value))
	}
	return values
}

// args is the table as a command line.
func (t table) args() []string {
	args := []string{"udpcam", t.command}
	for _, e := range t.entries {
		for _, value := range t.values(e.key) {
			args = append(args, "--"+e.key+"="+value)
		}
	}
	return args
}

// label is what the log calls the table: its subcommand, and what tells it from others.
func (t table) label() string {
	for _, key := range []string{"name", "source", "http", "listen", "addr", "out"} {
		if values := t.values(key); len(values) > 0 && values[0] != "" {
			return t.command + " " + source.Redact(values[0])
		}
	}
	return t.command
}

// locate makes a mistake of the error that the table's command ended with: in the line of the first flag that the error
// mentions, or else in that of the table.
func (t table) locate(err error) error {
	line := t.line
	names, text := cmdline.FlagsIn(err.Error())
	for _, name := range slices.Backward(names) {
		if e := t.find(name); e != nil {
			line = e.line
		}
	}
	return mistakef(line, "%s: %s", t.command, oneLine(text))
}

// checkNames checks that no two streams have the same name.
func checkNames(tables []table) error {
	given := map[string]int{}
	for _, t := range tables {
		if t.command != "send" {
			continue
		}
		for _, name := range t.values("name") {
			line := t.find("name").line
			if first := given[name]; first > 0 && name != "" {
				return mistakef(line, "send: the stream of line %d is called %q too: give each a name of its own", first, name)
			}
			given[name] = line
		}
	}
	return nil
}

// textOf is a value as it would be given on the command line.
func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(value)
}
