package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrUnknown says that a name stands for no sink.
var ErrUnknown = errors.New("there is no sink of that kind")

// Open opens the sink that name stands for:
//
//	frames.mjpg   records: the JPEGs one behind the other (also .mjpeg, and names without an extension)
//	film.mkv      records with times, for players (Matroska)
//	pic.jpg       the newest picture, replaced as a whole with every frame (also .jpeg)
//	DIR/          records every stream to a file of its own in DIR, which is created; without the slash if DIR exists
//	-             the JPEGs one behind the other on standard output
//	v4l2:/dev/video9   a camera for other programs, by v4l2loopback; also v4l2:9 and /dev/video9
//
// A name that exists and is no file, such as a named pipe, is written to like standard output.
//
// A file takes the frames of all streams: to record one stream, put only its frames. Put blocks while the disk or the
// pipe's reader is busy; see [NewQueue].
func Open(name string, o Options) (Sink, error) {
	if IsCamera(name) {
		return openCamera(name, o)
	}
	info, err := os.Stat(name)
	if err := o.prepare(name); err != nil {
		return nil, err
	}
	switch {
	case name == "":
		return nil, errors.New("no file to write to: name one, such as frames.mjpg, or - for standard output")
	case name == "-":
		return openStdout()
	case err == nil && info.IsDir(), endsInSeparator(name):
		return openDirectory(name, o)
	case err == nil && !info.Mode().IsRegular():
		return openPipe(name)
	}
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case strings.Contains(name, "://"), !slices.Contains([]string{"", ".mjpg", ".mjpeg", ".mkv", ".jpg", ".jpeg"}, ext):
		return nil, fmt.Errorf("%w: there are frames.mjpg, film.mkv, pic.jpg, a directory, v4l2:/dev/video9 and -; "+
			"for another format write to - and pipe it into: ffmpeg -f mjpeg -i -", ErrUnknown)
	case strings.HasPrefix(ext, ".jp"):
		return openSnapshot(name, o)
	case err == nil && !o.Overwrite && o.Rotate.isZero():
		return nil, refuse(name, fs.ErrExist)
	}
	return openSeries(name, o)
}

// prepare fills in what all recordings need.
func (o *Options) prepare(name string) error {
	dir := filepath.Dir(name)
	if info, err := os.Stat(name); endsInSeparator(name) || err == nil && info.IsDir() {
		dir = filepath.Clean(name)
	}
	o.home = homeOf(dir)
	o.Rotate = o.Keep.rotation(o.Rotate)
	o.films = newMender(*o)
	if o.Keep.Free > 0 {
		if _, err := freeSpace("."); err != nil {
			return fmt.Errorf("cannot find out how much of a disk is free: %w", err)
		}
	}
	return nil
}

func endsInSeparator(name string) bool { return name != "" && os.IsPathSeparator(name[len(name)-1]) }

// refuse turns the error of creating a file into one that says what to do about it.
func refuse(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s exists and is not overwritten: choose another name, or force it: %w", name, fs.ErrExist)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("its directory does not exist, create it first: %w", err)
	}
	return fmt.Errorf("cannot write there: %w", err)
}
