package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"udpcam/protocol"
)

// A recording is a file of frames: JPEGs one behind the other, which ffmpeg, ffplay and udpcam itself read as MJPEG, or
// with their times as Matroska, which ffplay and VLC play.
//
// Each frame is written at once. So when the process ends, even by kill -9, at most the last frame is cut off. When a write
// fails, as on a full disk, the file is cut behind the last whole frame.
type recording struct {
	file    *os.File
	film    *matroska // nil if the JPEGs are one behind the other
	created bool      // the file was not there before
	frames  int       // whole frames written
	size    int64     // bytes up to the end of the last
	err     error     // what ended the recording
}

// openRecording opens the file at once, to find out whether it can be written. It keeps the file's old content until the
// first frame comes.
func openRecording(name string, overwrite bool) (*recording, error) {
	r := &recording{created: true}
	if isMatroska(name) {
		r.film = &matroska{}
	}
	var err error
	r.file, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil && overwrite && errors.Is(err, fs.ErrExist) {
		r.created = false
		r.file, err = os.OpenFile(name, os.O_WRONLY, 0)
	}
	if err != nil {
		return nil, refuse(name, err)
	}
	return r, nil
}

func isMatroska(name string) bool { return strings.EqualFold(filepath.Ext(name), ".mkv") }

func (r *recording) Put(f protocol.Frame) error {
	if r.err != nil {
		return r.err
	}
	if r.err = r.write(f); r.err != nil {
		r.err = fmt.Errorf("the recording ended after %d whole frames (%d bytes): %w", r.frames, r.size, r.err)
		if err := r.file.Truncate(r.size); err != nil {
			r.err = fmt.Errorf("%w; behind them is a part of another frame: %w", r.err, err)
		}
		return r.err
	}
	r.frames++
	return nil
}

// write writes a frame and the bytes that belong before it.
func (r *recording) write(f protocol.Frame) error {
	if r.frames == 0 {
		if err := r.file.Truncate(0); err != nil {
			return err
		}
	}
	size := r.size
	if r.film != nil {
		head, err := r.film.before(r.file, f, size)
		if err != nil {
			return err
		}
		if _, err := r.file.WriteAt(head, size); err != nil {
			return err
		}
		size += int64(len(head))
	}
	if _, err := r.file.WriteAt(f.JPEG, size); err != nil {
		return err
	}
	r.size = size + int64(len(f.JPEG))
	return nil
}

// Close finishes the film. It removes a new file that no frame came for.
func (r *recording) Close() error {
	var err error
	if r.film != nil && r.frames > 0 && r.err == nil {
		err = r.film.finish(r.file, r.size)
	}
	err = errors.Join(err, r.file.Close())
	if r.frames == 0 && r.created {
		err = os.Remove(r.file.Name())
	}
	if err != nil {
		return fmt.Errorf("close the recording: %w", err)
	}
	return nil
}
