package sink

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"udpcam/protocol"
)

// A recording is a file of frames: JPEGs one behind the other, which ffmpeg, ffplay and udpcam itself read as MJPEG, or
// with their times as Matroska, which ffplay and VLC play.
//
// Each frame is written at once. So when the process ends, even by kill -9, at most the last frame is cut off. When a write
// fails, as on a full disk, the file is cut behind the last whole frame. Each second the file is brought to the disk, so a
// power cut takes two seconds at most.
type recording struct {
	name   string
	file   *os.File
	film   *matroska // nil if the JPEGs are one behind the other
	hidden bool      // the file has a temporary name, until its first frame takes the place of an older file
	frames int       // whole frames written
	size   int64     // bytes up to the end of the last
	err    error     // what ended the recording

	added atomic.Bool           // whether something has been written since the last datasync
	fault atomic.Pointer[error] // what the guard has found
	stop  chan struct{}         // closed to end the guard
	done  chan struct{}         // closed when it has ended
}

// newRecording makes the file. If overwrite is set, the file may exist, and is replaced when the first frame is written.
func newRecording(name string, overwrite bool) (r *recording, err error) {
	r = &recording{name: name, stop: make(chan struct{}), done: make(chan struct{})}
	if isMatroska(name) {
		r.film = &matroska{}
	}
	r.file, err = newFile(name)
	if r.hidden = overwrite && errors.Is(err, fs.ErrExist); r.hidden {
		r.file, err = newTemporary(name)
	}
	if err != nil {
		return nil, refuse(name, err)
	}
	claim(r.file)
	go r.guard()
	return r, nil
}

func isMatroska(name string) bool { return strings.EqualFold(filepath.Ext(name), ".mkv") }

// create makes the recording BASE.EXT or, where that exists and is not overwritten, BASE-2.EXT and so on.
func create(base, ext string, overwrite bool) (*recording, error) {
	for n := 1; ; n++ {
		name := base + ext
		if n > 1 {
			name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		if r, err := newRecording(name, overwrite); !errors.Is(err, fs.ErrExist) {
			return r, err
		}
	}
}

func (r *recording) Put(f protocol.Frame) error {
	if fault := r.fault.Load(); r.err == nil && fault != nil {
		r.err = *fault
	}
	if r.err != nil {
		return r.err
	}
	r.err = r.write(f)
	if r.err == nil && r.hidden {
		r.err = r.show()
	}
	if r.err != nil {
		r.err = fmt.Errorf("the recording ended after %d whole frames (%d bytes): %w", r.frames, r.size, r.err)
		if err := r.file.Truncate(r.size); err != nil {
			r.err = fmt.Errorf("%w; behind them is a part of another frame: %w", r.err, err)
		}
		return r.err
	}
	r.hidden = false
	r.frames++
	r.added.Store(true)
	return nil
}

// show gives the file its name.
func (r *recording) show() (err error) {
	if runtime.GOOS != "windows" {
		return os.Rename(r.file.Name(), r.name)
	}
	if err = cmp.Or(r.file.Close(), os.Rename(r.file.Name(), r.name)); err == nil { // an open file keeps its name there
		r.file, err = os.OpenFile(r.name, os.O_WRONLY, 0)
	}
	return err
}

// write writes a frame and the bytes that belong before it.
func (r *recording) write(f protocol.Frame) error {
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

// syncEvery is how often a recording is brought to the disk.
const syncEvery = time.Second

// guard brings what is added to the disk, and looks whether the file is still what its name means. At the end it closes the
// file, and removes one that no frame came for.
func (r *recording) guard() {
	defer close(r.done)
	defer func() {
		err := r.file.Close()
		if r.frames == 0 {
			err = os.Remove(r.file.Name())
		}
		if err != nil {
			r.fault.Store(&err)
		}
	}()
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	listed := false // whether the directory on the disk has the file
	for last := false; !last; {
		select {
		case <-ticker.C:
		case <-r.stop:
			last = true
		}
		if r.fault.Load() != nil || !r.added.Swap(false) {
			continue
		}
		err := datasync(r.file)
		if err == nil && !last {
			err = stays(r.file, r.name)
		}
		if err == nil && !listed {
			listed = syncDirectory(filepath.Dir(r.name)) == nil
		}
		if err != nil {
			r.fault.Store(&err)
		}
	}
}

func syncDirectory(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// end finishes the film, without waiting until it is on the disk. After it, Put must not be called.
func (r *recording) end() (err error) {
	if r.frames > 0 && r.film != nil {
		err = r.film.finish(r.file, r.size)
	}
	unclaim(r.file)
	r.added.Store(r.frames > 0)
	close(r.stop)
	if err != nil && r.err == nil { // else Put has returned what matters
		return fmt.Errorf("close the recording: %w", err)
	}
	return nil
}

// finalSync is how long a recording waits at its end until it is on the disk. A disk that is slower gets it later.
const finalSync = time.Second

// wait waits until the file is on the disk and closed, until a deadline. It returns what went wrong.
func (r *recording) wait(deadline time.Time) error {
	select {
	case <-r.done:
	case <-time.After(time.Until(deadline)):
		return nil
	}
	if fault := r.fault.Load(); fault != nil && r.err == nil {
		return fmt.Errorf("close the recording: %w", *fault)
	}
	return nil
}

// Close is end and wait.
func (r *recording) Close() error {
	return errors.Join(r.end(), r.wait(time.Now().Add(finalSync)))
}
