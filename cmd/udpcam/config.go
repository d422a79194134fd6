package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
)

// Bounds on the file of udpcam run. They keep a wrong file, such as a recording, from taking the memory, and a long list
// from being read many times.
const (
	maxConfig    = 256 << 10 // bytes
	maxValueSize = 100       // lines
)

// notInFiles says why some flags cannot stand in a file.
var notInFiles = map[string]string{
	"show": "a window needs a command of its own: udpcam recv --show",
	"term": "the terminal needs a command of its own: udpcam recv --term",
	"qr":   "a QR code is for people at a terminal: udpcam recv --qr",
	"json": "this is for the whole: udpcam run --json",
}

// tableFlags returns the flags of each subcommand that can be a table.
var tableFlags = sync.OnceValue(func() map[string][]cli.Flag {
	flags := map[string][]cli.Flag{}
	for _, c := range []*cli.Command{sendCommand(), recvCommand(), relayCommand(), serveCommand()} {
		flags[c.Name] = c.Flags
	}
	return flags
})

// parseConfig reads the text of a file. Each table has the keys that stand above all tables too, if its subcommand has
// such a flag and the table does not give it itself. The error is a mistake.
func parseConfig(text []byte) (tables []table, err error) {
	statements, err := statementsOf(text)
	if err != nil {
		return nil, err
	}
	flags := tableFlags()
	var usual []entry
	for _, e := range statements {
		_, isTables := e.value.([]map[string]any)
		switch known := flags[e.key]; {
		case isTables && known != nil:
			tables = append(tables, table{command: e.key, line: e.line})
		case known != nil:
			return nil, mistakef(e.line, "a table begins with two brackets: [[%s]]", e.key)
		case isTables || isTable(e.value):
			all := strings.Join(slices.Sorted(maps.Keys(flags)), "]], [[")
			return nil, mistakef(e.line, "there is no table %q: there are [[%s]]", e.key, all)
		case len(tables) == 0:
			if err := e.checkAny(flags); err != nil {
				return nil, err
			}
			usual = append(usual, e)
		default:
			t := &tables[len(tables)-1]
			if err := e.check(t.command+": ", flags[t.command]); err != nil {
				return nil, err
			}
			t.entries = append(t.entries, e)
		}
	}
	if len(tables) == 0 {
		return nil, mistakef(1, "there is nothing to run: write a table, such as [[send]]")
	}
	for i := range tables {
		t := &tables[i]
		for _, e := range usual {
			if t.find(e.key) != nil || cmdline.FindFlag(flags[t.command], e.key) == nil {
				continue
			}
			if err := e.check(t.command+": ", flags[t.command]); err != nil {
				return nil, err
			}
			t.entries = append(t.entries, e)
		}
	}
	return tables, checkNames(tables)
}

// checkAny checks an entry above all tables: one of the subcommands must take it.
func (e entry) checkAny(flags map[string][]cli.Flag) (err error) {
	all := map[string]cli.Flag{}
	for _, command := range slices.Sorted(maps.Keys(flags)) {
		if flag := cmdline.FindFlag(flags[command], e.key); flag != nil {
			if err = e.check("", flags[command]); err == nil {
				return nil
			}
		}
		for _, f := range flags[command] {
			all[f.Names()[0]] = f
		}
	}
	if err != nil {
		return err
	}
	return e.check("", slices.Collect(maps.Values(all))) // which says what it may have meant
}

// statementsOf returns the keys and the headers of tables in the text, in order. A header's value is what package toml makes
// of a table without keys.
//
// Package toml does not tell the lines of keys in an array of tables. So once it has read the whole, it reads the text again
// in pieces: the lines of a statement are those that it takes together and not before.
func statementsOf(text []byte) (statements []entry, err error) {
	if len(text) > maxConfig {
		return nil, mistakef(1, "this is no file for udpcam run: it has more than %d kB", maxConfig>>10)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var whole, piece map[string]any
	if err := toml.Unmarshal(text, &whole); err != nil {
		syntax := toml.ParseError{}
		errors.As(err, &syntax)
		before := text[:min(max(syntax.Position.Start, 0), len(text))] // its Line may be one too far
		line := 1 + bytes.Count(before, []byte("\n"))
		said := cmp.Or(syntax.Message, err.Error())
		return nil, mistakef(line, "%s", oneLine(strings.TrimPrefix(said, "toml: ")))
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for first := 0; first < len(lines); {
		n := 1
		for ; ; n++ {
			if n > maxValueSize || first+n > len(lines) {
				return nil, mistakef(first+1, "this value has more than %d lines", maxValueSize)
			}
			piece = nil
			if toml.Unmarshal(bytes.Join(lines[first:first+n], nil), &piece) == nil {
				break
			}
		}
		for _, key := range slices.Sorted(maps.Keys(piece)) { // one, or none in a comment
			statements = append(statements, entry{key, first + 1, piece[key]})
		}
		first += n
	}
	return statements, nil
}

func isTable(value any) bool {
	_, is := value.(map[string]any)
	return is
}

// oneLine joins the lines of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// check checks that a key is one of the flags, and that its value is of the flag's kind. What the value says is checked when
// the command line is.
func (e entry) check(where string, flags []cli.Flag) error {
	f := cmdline.FindFlag(flags, e.key)
	why, refused := notInFiles[e.key]
	switch {
	case refused:
		return mistakef(e.line, "%s%s cannot stand in a file: %s", where, e.key, why)
	case f == nil:
		return mistakef(e.line, "%sunknown key %q%s", where, e.key, didYouMean(cmdline.SuggestFlag(flags, e.key)))
	}
	values, isList := e.value.([]any)
	if !isList {
		values = []any{e.value}
	} else if !cmdline.Repeatable(f) {
		return mistakef(e.line, "%s%s takes one value, and no list: give %s", where, e.key, cmdline.Wanted(f))
	}
	for _, value := range values {
		if !suits(f, value) {
			return mistakef(e.line, "%s%s = %v is of the wrong kind: give %s", where, e.key, asWritten(value), cmdline.Wanted(f))
		}
		if value == "-" && (e.key == "out" || e.key == "source") {
			return mistakef(e.line, "%s%s = \"-\" cannot stand in a file: name a file or a named pipe", where, e.key)
		}
	}
	return nil
}

func didYouMean(suggested string) string {
	if suggested == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", suggested)
}

// suits reports whether a flag takes a value of this kind.
func suits(f cli.Flag, value any) bool {
	switch value.(type) {
	case string:
		switch f.(type) {
		case *cli.BoolFlag, *cli.IntFlag, *cli.Float64Flag:
			return false
		}
		return true
	case bool:
		switch f.(type) {
		case *cli.BoolFlag, *cmdline.OptionalFlag:
			return true
		}
		return false
	case int64:
		switch f.(type) {
		case *cli.BoolFlag, *cli.DurationFlag:
			return false
		}
		return true
	case float64:
		switch f.(type) {
		case *cli.StringFlag, *cli.Float64Flag:
			return true
		}
	}
	return false
}

// asWritten is a value as the file may have it.
func asWritten(value any) string {
	if text, ok := value.(string); ok {
		return strconv.Quote(text)
	}
	return oneLine(fmt.Sprint(value))
}
