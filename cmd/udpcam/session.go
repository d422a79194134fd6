package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
)

// A session is what is said while a command runs: log lines on standard error, and once a second its status, in one of
// three ways:
//
//   - with --json as an object on a line of its own, and log lines are objects too, those that have a "msg";
//   - else on a terminal as a status line, below the log lines;
//   - else not at all: what changes is logged.
type session struct {
	log     *slog.Logger
	console *console
	json    io.Writer // nil without --json
	lost    func()    // called when nobody reads json any more
	began   time.Time
}

// A status is what a command has to say once a second. As JSON it is an object whose keys stay as they are.
type status interface {
	line() string // the same for people, most important first: a narrow terminal shows only the beginning
}

// defaultLevel is from which level up is logged.
const defaultLevel = "info"

// newSession begins a session. Objects go to standard output unless pictures do. The context that it returns is c's,
// and ends too when nobody reads the objects any more.
func newSession(c *cli.Context, picturesOnStdout bool) (*session, context.Context, error) {
	var level slog.Level
	name := cmp.Or(c.String("log-level"), defaultLevel)
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return nil, nil, cmdline.Usagef("--log-level %q: choose debug, info, warn or error", name)
	}
	ctx, cancel := context.WithCancel(c.Context)
	s := &session{console: newConsole(c.App.ErrWriter), lost: cancel, began: time.Now()}
	options := &slog.HandlerOptions{Level: level}
	if !c.Bool("json") {
		if s.console.width != nil {
			options.ReplaceAttr = timeOfDay
		}
		s.log = slog.New(slog.NewTextHandler(s.console, options))
		return s, ctx, nil
	}
	s.json = c.App.Writer
	if picturesOnStdout {
		s.json = s.console
	}
	s.log = slog.New(slog.NewJSONHandler(s.console, options))
	return s, ctx, nil
}

// timeOfDay leaves out the date, which whoever sits at a terminal knows.
func timeOfDay(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.String(a.Key, a.Value.Time().Format(time.TimeOnly))
	}
	return a
}

// say prints a line for people, which --json does without.
func (s *session) say(format string, args ...any) {
	if s.json == nil {
		fmt.Fprintf(s.console, format+"\n", args...)
	}
}

// report shows a status.
func (s *session) report(st status) {
	if s.json == nil {
		s.console.setStatus(st.line())
		return
	}
	object, err := json.Marshal(st)
	if err != nil {
		s.log.Error("the status cannot be written as JSON", "error", err)
		return
	}
	if _, err := s.json.Write(append(object, '\n')); err != nil {
		s.lost()
	}
}
