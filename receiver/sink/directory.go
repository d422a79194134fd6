package sink

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"udpcam/protocol"
)

// maxRecordings is how many streams a directory records. It stops a sender that invents stream names from using up
// file descriptors and directory entries.
const maxRecordings = 64

// A directory records every stream to a file of its own, named for the stream.
type directory struct {
	path    string
	o       Options
	streams map[string]*recording
	taken   map[string]bool // the files' names, in lower case: some file systems take Cam and cam for the same
}

func openDirectory(path string, o Options) (*directory, error) {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, fmt.Errorf("cannot record there: %w", err)
	}
	return &directory{path: path, o: o, streams: map[string]*recording{}, taken: map[string]bool{}}, nil
}

// Put implements [Sink].
func (d *directory) Put(f protocol.Frame) error {
	r, ok := d.streams[f.Stream]
	if !ok {
		if len(d.streams) == maxRecordings {
			d.o.skip(SkipStreams)
			return nil
		}
		var err error
		if r, err = d.create(f.Stream); err != nil {
			return err
		}
		d.streams[f.Stream] = r
	}
	return r.Put(f)
}

// create makes the file of one stream: NAME.mjpg or, where that is another stream's or was recorded before, NAME-2.mjpg
// and so on. A stream that turns up hours after the start must not end what the others record, so that a file which
// exists is no error here.
func (d *directory) create(stream string) (*recording, error) {
	base := fileName(stream)
	for n := 1; ; n++ {
		name := base + ".mjpg"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.mjpg", base, n)
		}
		folded := strings.ToLower(name)
		if d.taken[folded] {
			continue
		}
		r, err := openRecording(filepath.Join(d.path, name), d.o.Overwrite)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			d.taken[folded] = true
		}
		return r, err
	}
}

// Close implements [Sink]. It closes every file and returns the first error.
func (d *directory) Close() (err error) {
	for _, r := range d.streams {
		err = cmp.Or(err, r.Close())
	}
	return err
}
