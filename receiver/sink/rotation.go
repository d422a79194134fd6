package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"udpcam/protocol"
)

// A Rotation says when a recording goes on in another file. The zero value is never. Files are then called after the time
// at which they begin: frames-20060102T150405.mkv.
type Rotation struct {
	Every time.Duration // how long a file is
	Size  int64         // how many bytes it has at most; a file has one frame at least
}

func (r Rotation) isZero() bool { return r == Rotation{} }

// stampLayout is how a time is written in a file's name, in local time.
const stampLayout = "20060102T150405"

// A rotating recording is one file after another.
type rotating struct {
	name    string
	o       Options
	current *recording // nil before the first frame
	began   time.Time  // when its first frame came
}

// openRotating makes sure that files can be made there. None is, before a frame comes.
func openRotating(name string, o Options) (*rotating, error) {
	probe, err := openRecording(name+".probe", true)
	if err != nil {
		return nil, refuse(name, errors.Unwrap(err))
	}
	probe.Close()
	return &rotating{name: name, o: o}, nil
}

// Put implements [Sink].
func (r *rotating) Put(f protocol.Frame) error {
	now := time.Now()
	if r.current != nil && r.over(len(f.JPEG), now) {
		if err := r.current.Close(); err != nil {
			return err
		}
		r.current = nil
	}
	if r.current == nil {
		var err error
		if r.current, err = r.next(now); err != nil {
			return err
		}
		r.began = now
	}
	return r.current.Put(f)
}

// over reports whether a frame of this size belongs into the next file.
func (r *rotating) over(size int, now time.Time) bool {
	rotation := r.o.Rotate
	return rotation.Every > 0 && now.Sub(r.began) >= rotation.Every ||
		rotation.Size > 0 && r.current.frames > 0 && r.current.size+int64(size) > rotation.Size
}

// next opens the file that begins now. Of several that begin in one second all but the first have a number too.
func (r *rotating) next(now time.Time) (*recording, error) {
	ext := filepath.Ext(r.name)
	return create(strings.TrimSuffix(r.name, ext)+"-"+now.Format(stampLayout), ext, false)
}

// create makes the file BASE.EXT or, where that exists and is not overwritten, BASE-2.EXT and so on.
func create(base, ext string, overwrite bool) (*recording, error) {
	for n := 1; ; n++ {
		name := base + ext
		if n > 1 {
			name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		r, err := openRecording(name, overwrite)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		return r, err
	}
}

// Close implements [Sink].
func (r *rotating) Close() error {
	if r.current == nil {
		return nil
	}
	return r.current.Close()
}
