package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
)

func runCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "run",
		Usage:     "run the cameras, receivers and servers that a file lists",
		UsageText: "udpcam run [--check] FILE",
		ArgsUsage: "FILE",
		Description: cmdline.Examples(
			"udpcam run udpcam.toml", "all that the file lists, in one process",
			"udpcam run --check udpcam.toml", "only say whether the file is right",
			"kill -HUP $(pidof udpcam)", "read the file again: what did not change goes on",
		) + "\nThe file:\n" + cmdline.Indent(runHelp),
		Action: runFile,
	},
		cmdline.Flags("File",
			&cli.BoolFlag{Name: "check", Usage: "check the file, and start nothing"},
		),
		runningFlags(),
	)
}

const runHelp = `key-file = "door.key"          # above all tables: for each that has this flag

[[send]]                       # udpcam send --source ... --name door
source = "/dev/video0"
name = "door"
listen = true                  # a flag without a value
size = "1280x720"

[[send]]
source = "http://user:password@192.168.1.64/video"
addr = ["192.168.1.20", "192.168.1.21"]

[[recv]]                       # also [[relay]] and [[serve]]
from = "127.0.0.1"
http = ":8080"
out = "recordings/"
keep = "7d"

Keys are the flags of udpcam send, recv, relay and serve, without the hyphens.
Relative paths begin at the folder of the file.
`

func runFile(c *cli.Context) (err error) {
	name := c.Args().First()
	switch {
	case name == "":
		return cmdline.Usagef("which file? udpcam run udpcam.toml")
	case c.Args().Len() > 1:
		return cmdline.Usagef("there is an argument too many: %q", c.Args().Get(1))
	}
	cmdline.Reloads()
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)

	s, ctx := newSession(c, false)
	ctx, end := context.WithCancel(ctx)
	defer end()
	path, leave, err := enterFolder(name)
	if err != nil {
		return err
	}
	defer leave()
	h := &house{session: s, over: make(chan struct{}, 1)}
	h.level, _ = levelOf(c) // checkFlags has seen it
	if s.json != nil {
		h.json = &lockedWriter{w: s.json, lost: end}
	}
	inFile := func(err error) error { // says in which line
		if m := (mistake{}); errors.As(err, &m) {
			return fmt.Errorf("%s:%d: %w", name, m.line, err)
		}
		return err
	}
	tables, err := h.read(ctx, path)
	if err != nil || c.Bool("check") {
		return inFile(err)
	}
	defer h.stop()
	if failed := h.change(ctx, tables, true); len(failed) > 0 {
		return inFile(failed[0])
	}
	for !h.idle() {
		select {
		case <-ctx.Done():
			return nil
		case <-h.over:
		case <-again:
			if _, open := cmdline.TerminalWidth(c.App.ErrWriter); s.console.width != nil && !open {
				return nil // its terminal was closed, which sends the same signal
			}
			tables, err := h.read(ctx, path)
			if err != nil {
				s.log.Error("the file has a mistake, and nothing changes", "error", inFile(err))
				continue
			}
			for _, err := range h.change(ctx, tables, false) {
				s.log.Error("this table could not be started, and is tried again", "error", inFile(err))
			}
		}
	}
	return nil
}

// enterFolder makes the folder of a file the working directory until leave is called, so that relative paths in the file
// begin there. It returns the path that the file has then.
func enterFolder(name string) (path string, leave func(), err error) {
	before, err := os.Getwd()
	if err != nil {
		return "", nil, err
	}
	if path, err = filepath.Abs(name); err == nil {
		err = os.Chdir(filepath.Dir(path))
	}
	return path, func() { os.Chdir(before) }, err
}

// A lockedWriter may be written to by several goroutines, a line at a time.
type lockedWriter struct {
	mu   sync.Mutex
	w    io.Writer
	lost func() // is called when nobody reads any more
}

func (w *lockedWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.w.Write(line)
	if err != nil {
		w.lost()
	}
	return n, err
}

// A tenant is a table of a file, as it runs. The command that it runs finds it in its context.
type tenant struct {
	house    *house
	table    atomic.Pointer[table]
	identity string        // is the same as before if the table did not change
	checking bool          // the command is only to check its flags
	end      func()        // ends the command
	ended    chan struct{} // is closed then
	begun    func()        // the command calls it when all that it needs is open
}

type tenantKey struct{}

// tenantOf returns the table of udpcam run that a command runs for, or nil.
func tenantOf(ctx context.Context) *tenant {
	t, _ := ctx.Value(tenantKey{}).(*tenant)
	return t
}

// checking reports whether a command is only to check its flags, and start nothing.
func checking(c *cli.Context) bool {
	t := tenantOf(c.Context)
	return t != nil && t.checking
}

// session is that of the tenant's command. It logs to the log of all, and shows no status line, since there are others.
func (t *tenant) session(options *slog.HandlerOptions) *session {
	s := &session{console: &console{w: t.house.console}, table: t.table.Load().label(), begun: t.begun}
	if t.house.console.width != nil {
		options.ReplaceAttr = timeOfDay
	}
	var handler slog.Handler = slog.NewTextHandler(s.console, options)
	if t.house.json != nil {
		s.json = t.house.json
		handler = slog.NewJSONHandler(s.console, options)
	}
	s.log = slog.New(handler).With("table", s.table)
	return s
}

// parsing is held while a command line is parsed: package cli has some global variables.
var parsing sync.Mutex

// command runs the tenant's command until it ends. The error is a mistake in the tenant's lines.
func (t *tenant) command(ctx context.Context) error {
	parsing.Lock()
	parsed := sync.OnceFunc(parsing.Unlock)
	defer parsed()
	app := newApp()
	app.Writer, app.ErrWriter = io.Discard, t.house.console
	app.ExitErrHandler = func(*cli.Context, error) {} // the error is returned too
	for _, c := range app.Commands {
		action := c.Action
		c.Action = func(c *cli.Context) error {
			parsed()
			return action(c)
		}
	}
	if err := app.RunContext(context.WithValue(ctx, tenantKey{}, t), t.table.Load().args()); err != nil {
		return t.table.Load().locate(err)
	}
	return nil
}
