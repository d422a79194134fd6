package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"udpcam/protocol"
)

// A recording is a file of JPEGs one behind the other, which ffmpeg, ffplay and udpcam itself read as MJPEG.
//
// Each frame is one write call and nothing is kept back in this process, so that whatever ends it, be it kill -9, cuts
// at most the last frame. A write that fails, as on a full disk, is taken back: the file is cut behind the last whole
// frame.
type recording struct {
	file    *os.File
	created bool  // the file was not there before
	frames  int   // whole frames written
	size    int64 // and their bytes
	err     error // what ended the recording
}

// openRecording opens the file at once, so that a name that cannot be written is known at the start, but leaves what
// is in it alone until the first frame comes.
func openRecording(name string, overwrite bool) (*recording, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		return &recording{file: file, created: true}, nil
	}
	if overwrite && errors.Is(err, fs.ErrExist) {
		file, err = os.OpenFile(name, os.O_WRONLY, 0)
	}
	if err != nil {
		return nil, refuse(name, err)
	}
	return &recording{file: file}, nil
}

// Put implements [Sink].
func (r *recording) Put(f protocol.Frame) error {
	if r.err != nil {
		return r.err
	}
	if r.frames == 0 {
		r.err = r.file.Truncate(0)
	}
	if r.err == nil {
		_, r.err = r.file.Write(f.JPEG)
	}
	if r.err != nil {
		r.err = fmt.Errorf("the recording ended after %d whole frames (%d bytes): %w", r.frames, r.size, r.err)
		if err := r.file.Truncate(r.size); err != nil {
			r.err = fmt.Errorf("%w; a part of another is behind them: %w", r.err, err)
		}
		return r.err
	}
	r.frames++
	r.size += int64(len(f.JPEG))
	return nil
}

// Close implements [Sink]. A recording that nothing came for leaves no empty file behind.
func (r *recording) Close() error {
	err := r.file.Close()
	if r.frames == 0 && r.created {
		err = os.Remove(r.file.Name())
	}
	if err != nil {
		return fmt.Errorf("close the recording: %w", err)
	}
	return nil
}
