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
	name     string
	rotation Rotation
	current  *recording // nil before the first frame
	began    time.Time  // when its first frame came
}

// openRotating makes sure that files can be made there. The first is made when a frame comes.
func openRotating(name string, r Rotation) (*rotating, error) {
	probe, err := openRecording(name+".probe", true)
	if err != nil {
		return nil, refuse(name, errors.Unwrap(err))
	}
	probe.Close()
	return &rotating{name: name, rotation: r}, nil
}

func (r *rotating) Put(f protocol.Frame) error {
	now := time.Now()
	var err error
	if r.current != nil && r.over(len(f.JPEG), now) {
		err = r.current.Close()
		r.current = nil
	}
	if err == nil && r.current == nil {
		ext := filepath.Ext(r.name)
		r.current, err = create(strings.TrimSuffix(r.name, ext)+"-"+now.Format(stampLayout), ext, false)
		r.began = now
	}
	if err != nil {
		return err
	}
	return r.current.Put(f)
}

// over reports whether a frame of this size belongs in the next file.
func (r *rotating) over(size int, now time.Time) bool {
	every, most := r.rotation.Every, r.rotation.Size
	return every > 0 && now.Sub(r.began) >= every ||
		most > 0 && r.current.frames > 0 && r.current.size+int64(size) > most
}

// create makes the file BASE.EXT or, where that exists and is not overwritten, BASE-2.EXT and so on.
func create(base, ext string, overwrite bool) (*recording, error) {
	for n := 1; ; n++ {
		name := base + ext
		if n > 1 {
			name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		if r, err := openRecording(name, overwrite); !errors.Is(err, fs.ErrExist) {
			return r, err
		}
	}
}

func (r *rotating) Close() error {
	if r.current == nil {
		return nil
	}
	return r.current.Close()
}
