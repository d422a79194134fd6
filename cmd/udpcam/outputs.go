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

// outputs are the places that received frames go to. None waits for another. The command ends when none takes frames any
// more: its viewer has left, or it has failed.
type outputs struct {
	server *server      // nil without --http
	window *sink.Window // nil without --show
	files  []*file
	left   atomic.Int32 // how many of them still take frames
	none   func()       // called when left becomes zero
	log    *slog.Logger
}

// A file is one --out, or the terminal of --term.
type file struct {
	name   string
	queue  *sink.Queue
	takes  func(f protocol.Frame, now time.Time) bool
	kept   bool  // it is a recording, so no frame may be missing
	screen bool  // nobody expects it to show every frame
	err    error // why it takes no more frames
}

// openOutputs opens what the flags name. If there is an error, nothing is left open.
func openOutputs(c *cli.Context, s *session, none func()) (o *outputs, err error) {
	o = &outputs{log: s.log, none: none}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	options, err := sinkOptions(c)
	if err != nil {
		return o, err
	}
	options.Skip = s.skipped.count
	if o.server, err = openServer(c, "", nil, s); err != nil {
		return o, err
	}
	if o.server != nil {
		o.left.Add(1)
	}
	if c.Bool("show") {
		if o.window, err = sink.NewWindow(options); err != nil {
			return o, cmdline.UsageIf(fmt.Errorf("--show: %w", err), sink.ErrNoWindow)
		}
		o.left.Add(1)
	}
	stream := c.String("stream")
	if c.Bool("term") {
		terminal, err := sink.OpenTerminal(options)
		if err != nil {
			return o, cmdline.UsageIf(fmt.Errorf("--term: %w", err), sink.ErrNoTerminal)
		}
		s.log.Info("drawing", "as", terminal)
		o.add(&file{name: "the terminal", screen: true, queue: sink.NewQueue(terminal, sink.QueueOptions{Frames: 1}),
			takes: (&selector{want: stream}).takes})
	}
	for _, name := range cmdline.List(c, "out") {
		f, err := openFile(name, stream, options)
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

// openFile opens one --out. A directory takes every stream, unless one is wanted by name.
func openFile(name, stream string, options sink.Options) (*file, error) {
	to, err := sink.Open(name, options)
	if errors.Is(err, os.ErrExist) {
		err = errors.New("the file exists: choose another name, or overwrite it with --force")
	}
	if err != nil {
		return nil, cmdline.UsageIf(fmt.Errorf("--out %s: %w", name, err), sink.ErrUnknown)
	}
	f := &file{name: name, queue: sink.NewQueue(to, sink.QueueOptions{}), takes: (&selector{want: stream}).takes}
	switch info, err := os.Stat(name); {
	case errors.Is(err, os.ErrNotExist): // a recording whose files have other names, or standard output
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
		o.window.Put(frame) // fails only when the window is closed. Then recv's call of Run ends too
	}
	for _, f := range o.files {
		if f.err != nil || !f.takes(frame, now) {
			continue
		}
		if err := f.queue.Put(frame); err != nil {
			o.lose(f, err)
		}
	}
}

// lose gives up a file.
func (o *outputs) lose(f *file, err error) {
	f.err = err
	left := o.leave()
	if errors.Is(err, sink.ErrClosed) {
		o.log.Info("its reader has closed this output", "out", f.name)
	} else if left > 0 { // else the command ends with this error
		o.log.Error("cannot write: this output gets no more frames", "out", f.name, "error", err)
	}
}

// leave counts one output less, and returns how many are left.
func (o *outputs) leave() int32 {
	left := o.left.Add(-1)
	if left == 0 {
		o.none()
	}
	return left
}

// close waits until each file has the frames that were put, and closes the outputs. It returns the first error of a file,
// even if the file was lost before. After close, put must not be called.
func (o *outputs) close() (err error) {
	for _, f := range o.files {
		closed := f.queue.Close()
		failed := cmp.Or(f.err, closed)
		switch {
		case failed == nil, errors.Is(failed, sink.ErrClosed):
		case errors.Is(failed, sink.ErrStalled) && !f.kept:
			o.log.Warn("the reader is stuck: the last frames are lost", "out", f.name)
		default:
			err = cmp.Or(err, fmt.Errorf("--out %s: %w", f.name, failed))
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

// announce logs where frames go.
func (o *outputs) announce() {
	if o.server != nil {
		o.log.Info("serving", "url", o.server.url())
	}
	if o.window != nil {
		o.log.Info("showing", "until", "q or Esc is pressed in the window")
	}
	for _, f := range o.files {
		if !f.screen {
			o.log.Info("writing", "out", f.name)
		}
	}
	if o.left.Load() == 0 {
		o.log.Info("only counting frames: give --show, --term, --http or --out to use them")
	}
}

// dropped returns, for each file, how many frames came too fast for it.
func (o *outputs) dropped() map[string]uint64 {
	counts := map[string]uint64{}
	for _, f := range o.files {
		if n := f.queue.Dropped(); n > 0 && !f.screen {
			counts[f.name] = n
		}
	}
	return counts
}

// patience is how long a stream may be silent before another takes its place in a file or pipe.
const patience = 3 * time.Second

// A selector chooses the one stream that a file or pipe gets. With a name, that is the stream of this name. Without a name,
// it is the first that is live. When the chosen stream has been silent for 3 s, the next stream that is live takes its
// place.
type selector struct {
	want    string // the stream's name, "" for any
	current string
	last    time.Time // when a frame of current came, zero if none has
}

// takes reports whether a frame that comes now belongs to the chosen stream.
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
