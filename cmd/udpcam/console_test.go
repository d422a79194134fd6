package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// screen returns the lines that a terminal shows after this output. A carriage return goes back to the line's beginning.
func screen(written string) []string {
	lines := [][]rune{nil}
	column := 0
	for _, r := range written {
		last := len(lines) - 1
		switch {
		case r == '\n':
			lines, column = append(lines, nil), 0
		case r == '\r':
			column = 0
		case column < len(lines[last]):
			lines[last][column] = r
			column++
		default:
			lines[last] = append(lines[last], r)
			column++
		}
	}
	var shown []string
	for _, line := range lines {
		shown = append(shown, strings.TrimRight(string(line), " "))
	}
	return shown
}

func TestConsole(t *testing.T) {
	var terminal bytes.Buffer
	c := &console{w: &terminal, width: func() int { return 20 }}
	steps := []struct {
		do   func()
		want string
	}{
		{func() { c.setStatus("10.0 fps") }, "10.0 fps"},
		{func() { c.setStatus("9.5 fps") }, "9.5 fps"},
		{func() { fmt.Fprintln(c, "a log line") }, "a log line|9.5 fps"},
		{func() { c.setStatus("30.0 fps, and much more than fits") }, "a log line|30.0 fps, and much"},
		{func() { c.setStatus("délai 5 µs") }, "a log line|délai 5 µs"},
		{func() { fmt.Fprintln(c, "x") }, "a log line|x|délai 5 µs"},
		{func() { c.setStatus("") }, "a log line|x|"},
		{func() { fmt.Fprintln(c, "the end") }, "a log line|x|the end|"},
	}
	for i, step := range steps {
		step.do()
		if got := strings.Join(screen(terminal.String()), "|"); got != step.want {
			t.Errorf("step %d: the terminal shows %q, want %q", i, got, step.want)
		}
	}
}

// Without a terminal, no line is rewritten.
func TestConsoleNoTerminal(t *testing.T) {
	var log bytes.Buffer
	c := newConsole(&log)
	c.setStatus("10.0 fps")
	fmt.Fprintln(c, "a log line")
	c.setStatus("")
	if got := log.String(); got != "a log line\n" {
		t.Errorf("written: %q", got)
	}
}

// A log line is one write, so that a status line never ends up in the middle of it.
func TestConsoleLog(t *testing.T) {
	var terminal bytes.Buffer
	c := &console{w: &terminal, width: func() int { return 80 }}
	c.setStatus("status")
	slog.New(slog.NewTextHandler(c, &slog.HandlerOptions{ReplaceAttr: timeOfDay})).Info("message", "key", "value")
	shown := screen(terminal.String())
	if len(shown) != 2 || !strings.HasSuffix(shown[0], "level=INFO msg=message key=value") || shown[1] != "status" {
		t.Errorf("the terminal shows %q", shown)
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		line  string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""}, {"abc", -1, ""}, {"äöü", 2, "äö"}, {"", 5, ""},
		{"30 fps  2 frames", 16, "30 fps  2 frames"}, {"30 fps  2 frames", 15, "30 fps"}, {"30 fps  2 frames", 7, "30 fps"},
		{"30 fps  2 frames", 5, "30 fp"},
	} {
		if got := cut(test.line, test.width); got != test.want {
			t.Errorf("cut(%q, %d) = %q, want %q", test.line, test.width, got, test.want)
		}
	}
}
