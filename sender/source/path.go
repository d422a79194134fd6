package source

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
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

// newFile returns the source for a regular file: a photo if there is one picture in it, a film if there are more.
func newFile(path string, o Options) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	look := o
	look.Skip = func(string) {} // what is left out is counted when it is played
	content := &search{r: f}
	pictures := look.reader(content)
	first, err := pictures.Next()
	switch {
	case err == io.EOF:
		return nil, fmt.Errorf("%w in %s; a video becomes a file of JPEGs with: ffmpeg -i VIDEO -f mjpeg -q:v 3 film.mjpg",
			ErrNoJPEG, path)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrNoJPEG, path, content.cause(err))
	}
	content.found()
	first = first.Keep() // beyond the next
	if _, err := pictures.Next(); err != nil || isMultiPicture(first.JPEG) {
		return &photo{path: path, o: o}, nil
	}
	return &film{path: path, o: o}, nil
}
