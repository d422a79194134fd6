package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/receiver/sink"
)

// outputs are the places that received frames go to, all at the same time: none waits for another. When the last one
// has no more use for frames, because whoever watched has left or because it failed, the command ends.
type outputs struct {
	server *server      // nil without --http
	window *sink.Window // nil without --show
	files  []*file
	left   atomic.Int32 // how many of them still take frames
	none   func()       // called when left becomes zero
	log    *slog.Logger
}

// A file is one --out.
type file struct {
	name  string
	queue *sink.Queue
	takes func(f protocol.Frame, now time.Time) bool
	kept  bool  // whether it is a recording, and what is not written to it a loss
	shown bool  // whether it is a screen, which nobody expects to show every frame
	over  bool  // whether it takes no more frames
	err   error // why, nil if its reader has left
}

// openOutputs opens what the flags name. Nothing is left open if there is an error.
func openOutputs(c *cli.Context, log *slog.Logger, skip func(reason string)) (o *outputs, err error) {
	o = &outputs{log: log}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	if o.server, err = openServer(c, "", nil, log, skip); err != nil {
		return o, err
	}
	if o.server != nil {
		o.left.Add(1)
	}
	if c.Bool("show") {
		o.window, err = sink.NewWindow(sink.Options{Skip: skip})
		if errors.Is(err, sink.ErrNoWindow) {
			return o, cmdline.Usagef("--show: %w", err)
		}
		if err != nil {
			return o, fmt.Errorf("--show: %w", err)
		}
		o.left.Add(1)
	}
	if c.Bool("term") {
		terminal, err := sink.OpenTerminal(sink.Options{Skip: skip})
		if errors.Is(err, sink.ErrNoTerminal) {
			return o, cmdline.Usagef("--term: %w", err)
		}
		if err != nil {
			return o, fmt.Errorf("--term: %w", err)
		}
		log.Info("drawing", "as", terminal)
		o.add(&file{name: "the terminal", queue: sink.NewQueue(terminal, sink.QueueOptions{Frames: 1}), shown: true,
			takes: (&selector{want: c.String("stream")}).takes})
	}
	options, err := sinkOptions(c)
	if err != nil {
		return o, err
	}
	options.Skip = skip
	for _, name := range cmdline.List(c, "out") {
		f, err := openFile(name, c.String("stream"), options)
		if err != nil {
			return o, err
		}
		o.add(f)
	}
	return o, nil
}

func (o *outputs) add(f *file) {
	o.files = append(o.files, f)
	o.left.Add(1)
}

// openFile opens one --out. A directory takes every stream unless one is wanted by name.
func openFile(name, stream string, options sink.Options) (*file, error) {
	to, err := sink.Open(name, options)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("--out %s: the file exists: choose another name, or overwrite it with --force", name)
	}
	if errors.Is(err, sink.ErrUnknown) {
		return nil, cmdline.Usagef("--out %s: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("--out %s: %w", name, err)
	}
	f := &file{name: name, queue: sink.NewQueue(to, sink.QueueOptions{}), takes: (&selector{want: stream}).takes}
	switch info, err := os.Stat(name); {
	case errors.Is(err, os.ErrNotExist): // its files have other names
		f.kept = name != "-"
	case err == nil:
		f.kept = info.IsDir() || info.Mode().IsRegular()
		if info.IsDir() && stream == "" {
			f.takes = func(protocol.Frame, time.Time) bool { return true }
		}
	}
	return f, nil
}

// put hands a frame to every output that takes it. It never waits for one.
func (o *outputs) put(frame protocol.Frame, now time.Time) {
	if o.server != nil {
		o.server.Put(frame)
	}
	if o.window != nil {
		o.window.Put(frame) // an error says that the window is closed, which whoever runs it knows
	}
	for _, f := range o.files {
		if f.over || !f.takes(frame, now) {
			continue
		}
		if err := f.queue.Put(frame); err != nil {
			o.lose(f, err)
		}
	}
}

// lose gives up a file.
func (o *outputs) lose(f *file, err error) {
	f.over = true
	if errors.Is(err, sink.ErrClosed) {
		o.log.Info("its reader has closed it", "out", f.name)
		o.leave()
		return
	}
	f.err = fmt.Errorf("--out %s: %w", f.name, err)
	if o.leave() > 0 { // or else the command ends, with this error
		o.log.Error("cannot write: this output is given up", "out", f.name, "error", err)
	}
}

// leave counts one output less and returns how many are left.
func (o *outputs) leave() int32 {
	left := o.left.Add(-1)
	if left == 0 {
		o.none()
	}
	return left
}

// close ends the outputs, put being called no more, once each file has what it was given. Its error is the first of a
// file, also of one that was lost before.
func (o *outputs) close() (err error) {
	for _, f := range o.files {
		closed := f.queue.Close()
		switch {
		case f.err != nil:
			err = cmp.Or(err, f.err)
		case closed == nil, errors.Is(closed, sink.ErrClosed):
		case errors.Is(closed, sink.ErrStalled) && !f.kept:
			o.log.Warn("the reader is stuck: the last frames are lost", "out", f.name)
		default:
			err = cmp.Or(err, fmt.Errorf("--out %s: %w", f.name, closed))
		}
	}
	if o.window != nil {
		o.window.Close()
	}
	if o.server != nil {
		o.server.close()
	}
	return err
}

// announce logs where frames go to.
func (o *outputs) announce() {
	if o.server != nil {
		o.log.Info("serving", "url", o.server.url())
	}
	if o.window != nil {
		o.log.Info("showing", "until", "q or Esc is pressed in the window")
	}
	for _, f := range o.files {
		if !f.shown {
			o.log.Info("writing", "out", f.name)
		}
	}
	if o.left.Load() == 0 {
		o.log.Info("only counting frames: give --show, --term, --http or --out to use them")
	}
}

// viewers is how many watch over HTTP.
func (o *outputs) viewers() int {
	if o.server == nil {
		return 0
	}
	return o.server.Stats().Viewers
}

// dropped counts, for each file, the frames for which it was too slow.
func (o *outputs) dropped() map[string]uint64 {
	counts := map[string]uint64{}
	for _, f := range o.files {
		if n := f.queue.Dropped(); n > 0 && !f.shown {
			counts[f.name] = n
		}
	}
	return counts
}

// patience is how long a stream may be silent before another takes its place in a file or pipe.
const patience = 3 * time.Second

// A selector chooses the one stream that a file or pipe gets: the one that is wanted by name or, without a name, the
// first that is live and, when that has been silent for 3 s, the next that is.
type selector struct {
	want    string // the stream's name, "" for whichever is live
	current string
	last    time.Time // when a frame of current came, zero if none has
}

// takes reports whether a frame that comes now is of the chosen stream.
func (s *selector) takes(f protocol.Frame, now time.Time) bool {
	if s.want != "" {
		return f.Stream == s.want
	}
	if f.Stream != s.current && !s.last.IsZero() && now.Sub(s.last) < patience {
		return false
	}
	s.current, s.last = f.Stream, now
	return true
}
