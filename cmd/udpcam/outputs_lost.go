package main

import (
	"errors"

	"udpcam/receiver/sink"
)

// lose gives up a file.
func (o *outputs) lose(f *file, err error) {
	if f.lost.Swap(true) {
		return
	}
	f.err.Store(lost{err})
	left := o.leave()
	if f.screen && errors.Is(err, sink.ErrClosed) {
		f.queue.Close() // the screen is as before from now on, whatever goes on
	} else if errors.Is(err, sink.ErrClosed) {
		o.log.Info("its reader has closed this output", "out", f.name)
	} else if left > 0 { // else the command ends with this error
		o.log.Error("cannot write: this output gets no more frames", "out", f.name, "error", err)
	}
}

// A lost is why a file is lost: an atomic.Value holds values of one type alone.
type lost struct{ error }

// reason returns why a file is lost, or nil.
func (f *file) reason() error {
	why, _ := f.err.Load().(lost)
	return why.error
}

// leave counts one output less, and returns how many are left.
func (o *outputs) leave() int32 {
	left := o.left.Add(-1)
	if left == 0 {
		o.none()
	}
	return left
}
