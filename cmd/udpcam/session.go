package main

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
)

// A session is what a running command tells its user: log lines on standard error, and a status every second.
//
//   - With --json, the status is a JSON object on a line of its own. Log lines are objects too: they have a "msg".
//   - Else, on a terminal, the status is a line below the log lines.
//   - Else there is no status. The log has all changes.
type session struct {
	log        *slog.Logger
	console    *console
	json       io.Writer // nil without --json
	lost       func()    // called when nobody reads json any more
	began      time.Time
	skipped    tally // pictures that sources and sinks left out
	complained map[complaint]uint64
	table      string // of udpcam run, whose command this is; or ""
	begun      func() // is called when all that the command needs is open, unless nil
}

// A status is what a command shows every second. As JSON it is an object whose keys never change.
type status interface {
	// line is the status for people. It begins with what matters most, since a narrow terminal shows only the beginning.
	line() string
	// summary is a log message for when the command has ended, with its attributes.
	summary() (message string, attrs []any)
}

const defaultLevel = "info"

// levelOf returns the level of --log-level.
func levelOf(c *cli.Context) (level slog.Level, err error) {
	err = level.UnmarshalText([]byte(cmp.Or(c.String("log-level"), defaultLevel)))
	return level, err
}

// newSession begins a session. JSON goes to standard output, or to standard error if standard output has the pictures. It
// returns a context that ends with c's, or when nobody reads the JSON any more.
func newSession(c *cli.Context, picturesOnStdout bool) (*session, context.Context) {
	ctx, cancel := context.WithCancel(c.Context)
	level, _ := levelOf(c)    // checkFlags has seen it
	log.SetOutput(io.Discard) // where net/http complains about bytes that odd cameras send between answers
	options := &slog.HandlerOptions{Level: level}
	if t := tenantOf(ctx); t != nil {
		if !c.IsSet("log-level") {
			options.Level = t.house.level
		}
		s := t.session(options)
		s.lost, s.began = cancel, time.Now()
		return s, ctx
	}
	s := &session{console: newConsole(c.App.ErrWriter), lost: cancel, began: time.Now()}
	switch {
	case c.Bool("json"):
		s.json = c.App.Writer
		if picturesOnStdout {
			s.json = s.console
		}
		s.log = slog.New(slog.NewJSONHandler(s.console, options))
		return s, ctx
	case s.console.width != nil:
		options.ReplaceAttr = timeOfDay
	}
	s.log = slog.New(slog.NewTextHandler(s.console, options))
	return s, ctx
}

// part returns a session for a part of the work that does not share its counts, such as one of several cameras. All that it
// logs has these attributes.
func (s *session) part(attrs ...any) *session {
	return &session{log: s.log.With(attrs...), console: s.console, json: s.json, lost: s.lost, began: s.began, table: s.table}
}

// timeOfDay leaves out the date, which nobody needs at a terminal.
func timeOfDay(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.String(a.Key, a.Value.Time().Format(time.TimeOnly))
	}
	return a
}

// show shows a status, or those of several streams together.
func (s *session) show(all []status) {
	if s.json == nil {
		line := all[0].line()
		if len(all) > 1 {
			line = together(all)
		}
		s.console.setStatus(line)
		return
	}
	for _, st := range all {
		object, err := json.Marshal(st)
		if err != nil {
			s.log.Error("the status cannot be written as JSON", "error", err)
			return
		}
		if s.table != "" {
			table, _ := json.Marshal(s.table)
			object = slices.Concat([]byte(`{"table":`), table, []byte(","), object[1:])
		}
		if _, err := s.json.Write(append(object, '\n')); err != nil {
			s.lost()
		}
	}
}

// A complaint is a warning that may come again.
type complaint struct{ message, reason string }

// complain logs which counts have grown since the last call: one line for each reason. Called once a second, it keeps a
// flood of bad input from becoming a flood of lines. Harmless reasons are logged as debug lines. The reason is logged
// under key.
func (s *session) complain(message, key string, counts map[string]uint64, harmless ...string) {
	if s.complained == nil {
		s.complained = map[complaint]uint64{}
	}
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		before := s.complained[complaint{message, reason}]
		if counts[reason] == before {
			continue
		}
		level := slog.LevelWarn
		if slices.Contains(harmless, reason) {
			level = slog.LevelDebug
		}
		s.log.Log(context.Background(), level, message, key, reason, "count", counts[reason]-before)
		s.complained[complaint{message, reason}] = counts[reason]
	}
}

// skipMessage is logged when a source or a sink leaves out pictures.
const skipMessage = "pictures left out"

// A subject is the work of a command. A watch shows its status.
type subject interface {
	// sample returns the present status, and logs what has changed since the last call.
	sample(now time.Time) status
	// frames is how many frames there have been.
	frames() uint64
}

// statusInterval is the time between two statuses. Rates are over this time.
const statusInterval = time.Second

// A watch shows the status of a command every second, and once more when the command ends.
type watch struct {
	*session
	subjects []subject
	stop     func() (at time.Time) // is called when the work is done, before what it used is closed
}

// sample returns the status of each subject.
func (w *watch) sample(now time.Time) (all []status) {
	for _, s := range w.subjects {
		all = append(all, s.sample(now))
	}
	return all
}

// watch begins to watch the work of a command. All that the work needs is open by then.
func (s *session) watch(what ...subject) *watch {
	w := &watch{session: s, subjects: what}
	if s.begun != nil {
		s.begun()
	}
	quit := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(statusInterval)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				s.show(w.sample(now))
			case <-quit:
				return
			}
		}
	})
	w.stop = sync.OnceValue(func() time.Time {
		close(quit)
		running.Wait()
		return time.Now()
	})
	return w
}

// end shows the last status, as of when the watch was stopped, and logs the summary. If the command failed before its
// first frame it does neither: the error says all.
func (w *watch) end(failed error) {
	stopped := w.stop()
	if failed != nil && !slices.ContainsFunc(w.subjects, func(s subject) bool { return s.frames() > 0 }) {
		w.console.setStatus("")
		return
	}
	last := w.sample(stopped)
	w.show(last)
	w.console.setStatus("")
	for _, st := range last {
		message, attrs := st.summary()
		w.log.Info(message, append(attrs, "seconds", round(time.Since(w.began).Seconds(), 1))...)
	}
}
