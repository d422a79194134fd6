package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/receiver/sink"
	"udpcam/receiver/web"
)

// outputs are the places that received frames go to. None waits for another. The command ends when none takes frames any
// more: its viewer has left, or it has failed.
type outputs struct {
	server *server      // nil without --http
	hub    *hubOutput   // nil without --hub
	window *sink.Window // nil without --show
	files  []*file
	choice choice
	left   atomic.Int32 // how many of them still take frames
	none   func()       // called when left becomes zero
	log    *slog.Logger
}

// A file is one --out, or the terminal of --term.
type file struct {
	name   string
	queue  *sink.Queue
	all    bool         // it takes every stream, not only the chosen one
	kept   bool         // it is a recording, so no frame may be missing
	screen bool         // nobody expects it to show every frame
	lost   atomic.Bool  // it takes no more frames
	err    atomic.Value // why
	failed bool         // the log has said that it is in trouble
	since  time.Time    // when that began
}

// openOutputs opens what the flags name. hints is what the page tells without a stream. If there is an error, nothing is
// left open.
func openOutputs(c *cli.Context, s *session, hints func() web.Hints, none func()) (o *outputs, err error) {
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
	options.Skip, options.Log = s.skipped.count, s.log
	if o.server, err = openServer(c, "", web.Config{Outputs: o.webStates, Hints: hints, Metrics: o.metrics}, s); err != nil {
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
	o.choice.want = c.String("stream")
	if c.Bool("term") {
		terminal, err := sink.OpenTerminal(options)
		if err != nil {
			return o, cmdline.UsageIf(fmt.Errorf("--term: %w", err), sink.ErrNoTerminal)
		}
		s.log.Info("drawing", "as", terminal, "until", "q is pressed")
		screen := &file{name: "the terminal", screen: true, queue: sink.NewQueue(terminal, sink.QueueOptions{Frames: 1})}
		o.add(screen)
		go func() {
			if terminal.Left() {
				o.lose(screen, sink.ErrClosed)
			}
		}()
	}
	for _, name := range cmdline.List(c, "out") {
		f, err := openFile(name, options)
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

// openFile opens one --out.
func openFile(name string, options sink.Options) (*file, error) {
	_, missing := os.Stat(name)
	to, err := sink.Open(name, options)
	if err == nil && missing != nil && filepath.Ext(name) == "" && name != "-" && !isDirectory(name) {
		options.Log.Warn("this becomes a file of JPEGs; a directory has a slash behind its name", "out", name)
	}
	if errors.Is(err, os.ErrExist) {
		err = errors.New("the file exists: choose another name, or overwrite it with --force")
	}
	if err != nil {
		return nil, cmdline.UsageIf(fmt.Errorf("--out %s: %w", name, err), sink.ErrUnknown)
	}
	queue := sink.QueueOptions{}
	if sink.IsCamera(name) {
		queue.Frames = 1 // pictures wait for the decoder, and only the newest is worth it
	}
	f := &file{name: name, queue: sink.NewQueue(to, queue), all: isDirectory(name)}
	info, err := os.Stat(name)
	f.kept = f.all || isRecording(name) && (err != nil || info.Mode().IsRegular()) // else it is a pipe
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
	if o.hub != nil {
		o.hub.sink.Put(frame) // fails only when it is closed
	}
	if len(o.files) == 0 {
		return
	}
	v := o.choice.judge(frame, now)
	for _, f := range o.files {
		switch {
		case !v.chosen && !(f.all && o.choice.want == ""), f.kept && !v.goesOn:
			continue
		case f.kept:
			for _, earlier := range v.earlier {
				o.putTo(f, earlier)
			}
		}
		o.putTo(f, frame)
	}
}

func (o *outputs) putTo(f *file, frame protocol.Frame) {
	if f.lost.Load() {
		return
	}
	if err := f.queue.Put(frame); err != nil {
		o.lose(f, err)
	}
}

// close waits until each file has the frames that were put, and closes the outputs. It returns the first error of a file,
// even if the file was lost before. After close, put must not be called.
func (o *outputs) close() (err error) {
	for _, frame := range o.choice.rest() {
		for _, f := range o.files {
			if f.kept && !f.all {
				o.putTo(f, frame)
			}
		}
	}
	for _, f := range o.files {
		closed := f.queue.Close()
		failed := f.reason()
		failed = cmp.Or(failed, closed)
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
	if o.hub != nil {
		o.hub.close()
	}
	return err
}

// announce logs where frames go.
func (o *outputs) announce() {
	if o.server != nil {
		o.server.announce()
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
		o.log.Info("only counting frames: give --show, --term, --http, --out or --hub to use them")
	}
}

// states returns how each output is. They belong into /healthz and /metrics.
func (o *outputs) states() (states []sink.OutputState) {
	for _, f := range o.files {
		state := f.queue.State()
		state.Name = f.name
		states = append(states, state)
	}
	return states
}

// webStates is what the HTTP server tells of the outputs.
func (o *outputs) webStates() (states []web.Output) {
	for _, s := range o.states() {
		states = append(states, web.Output(s))
	}
	return states
}

// failing returns why outputs take no frames at present, by name. It logs when that begins and when it ends. It is called
// once a second, by one goroutine.
func (o *outputs) failing(now time.Time) map[string]string {
	failing := map[string]string{}
	for i, state := range o.states() {
		f := o.files[i]
		if state.Err != "" && !f.screen {
			failing[f.name] = state.Err
		}
		switch failed := state.Err != ""; {
		case failed == f.failed || f.lost.Load() || f.screen:
		case failed:
			o.log.Error("cannot write: this output is tried again and again", "out", f.name, "error", state.Err)
			f.failed, f.since = true, state.Since
		default:
			o.log.Info("this output goes on", "out", f.name, "after", now.Sub(f.since).Round(time.Second))
			f.failed = false
		}
	}
	return failing
}

// report logs which stream is taken where only one is. It is called once a second.
func (o *outputs) report(streams []streamStatus, now time.Time) {
	if o.choice.want == "" && !slices.ContainsFunc(o.files, func(f *file) bool { return !f.all }) {
		return
	}
	var names []string
	for _, s := range streams {
		names = append(names, s.Name)
	}
	o.choice.report(o.log, names, now)
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
