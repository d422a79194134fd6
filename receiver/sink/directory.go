package sink

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"udpcam/protocol"
)

// maxRecordings is how many streams a directory records. It stops a sender that invents stream names from using up
// file descriptors and directory entries.
const maxRecordings = 64

// A directory records every stream to files of its own, named for the stream.
type directory struct {
	path    string
	o       Options
	streams map[string]Sink
	taken   map[string]bool // file names in lower case, because some file systems take Cam and cam for the same
}

func openDirectory(path string, o Options) (*directory, error) {
	if err := os.MkdirAll(path, 0o777); err != nil {
		if info, statErr := os.Stat(filepath.Clean(path)); statErr == nil && !info.IsDir() {
			err = errors.New("that is a file, no directory") // overwriting would not help
		}
		return nil, fmt.Errorf("cannot record there: %w", err)
	}
	return &directory{path: path, o: o, streams: map[string]Sink{}, taken: map[string]bool{}}, nil
}

func (d *directory) Put(f protocol.Frame) error {
	s, ok := d.streams[f.Stream]
	if !ok {
		if len(d.streams) == maxRecordings {
			d.o.skip(SkipStreams)
			return nil
		}
		var err error
		if s, err = d.create(f.Stream); err != nil {
			return err
		}
		d.streams[f.Stream] = s
	}
	return s.Put(f)
}

// create makes the sink of one stream: the file NAME.mjpg, or files called after NAME and their times. If that file is
// another stream's or was recorded before, it is NAME-2.mjpg and so on. That is no error: a stream that appears hours after
// the start must not end the recordings of the others.
func (d *directory) create(stream string) (Sink, error) {
	ext := ".mjpg"
	if d.o.Matroska {
		ext = ".mkv"
	}
	base := fileName(stream)
	for n := 2; d.taken[strings.ToLower(base)]; n++ {
		base = fmt.Sprintf("%s-%d", fileName(stream), n)
	}
	d.taken[strings.ToLower(base)] = true
	path := filepath.Join(d.path, base)
	switch {
	case d.o.SnapshotEvery > 0:
		return &sparse{Sink: &rotating{name: path + ".jpg", rotation: Rotation{Size: 1}}, o: d.o}, nil // a file for each
	case !d.o.Rotate.isZero():
		return &rotating{name: path + ext, rotation: d.o.Rotate}, nil
	}
	return create(path, ext, d.o.Overwrite)
}

// Close closes every file and returns the first error.
func (d *directory) Close() (err error) {
	for _, s := range d.streams {
		err = cmp.Or(err, s.Close())
	}
	return err
}

// fileName makes a file's base name from a stream's name, which comes from the network. Letters and digits of any script
// and -_.@+ stay. Everything else becomes an underscore. So does a leading dot, which would hide the file or climb out of
// its directory. Two streams may get the same name.
func fileName(stream string) string {
	if len(stream) > protocol.MaxStreamName {
		stream = stream[:protocol.MaxStreamName]
	}
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("-_.@+", r) {
			return r
		}
		return '_'
	}, strings.ToValidUTF8(stream, "_"))
	switch {
	case name == "":
		name = "udpcam"
	case name[0] == '.':
		name = "_" + name[1:]
	}
	// Names of devices, such as CON on Windows, are not local there, with any extension.
	if !filepath.IsLocal(name + ".mjpg") {
		name = "_" + name
	}
	return name
}
