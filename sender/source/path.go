package source

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"udpcam/protocol/mjpeg"
)

// newPath returns the source for a path: it looks at what is there, not at its name.
func newPath(path string, o Options) (Source, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && strings.ContainsAny(path, "*?["):
		return newGlob(path, o)
	case err != nil:
		return nil, err
	case info.IsDir():
		return newFolder(path, o)
	case info.Mode().IsRegular():
		return newFile(path, o)
	case info.Mode()&fs.ModeNamedPipe != 0:
		return newFIFO(path, o)
	}
	return nil, fmt.Errorf("%w: %s is a device or socket, not a file of JPEGs; a camera is opened with v4l2:/dev/video0",
		ErrName, path)
}

// newFile returns the source for a regular file: a photo if there is one picture in it, a recording if there are more.
func newFile(path string, o Options) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	look := o
	look.Skip = func(string) {} // what is left out is counted when it is played
	pictures := look.pictures(f)
	first, err := pictures.next()
	switch {
	case err == io.EOF:
		return nil, fmt.Errorf("%w in %s; a video becomes a file of JPEGs with: ffmpeg -i VIDEO -f mjpeg -q:v 3 film.mjpg",
			ErrNoJPEG, path)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrNoJPEG, path, err)
	}
	first = first.Keep() // beyond the next
	if _, err := pictures.next(); err != nil || mjpeg.HasCompanions(first.JPEG) {
		return &photo{path, o}, nil
	}
	return &recording{path, o}, nil
}
