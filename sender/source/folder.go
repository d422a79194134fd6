package source

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"udpcam/protocol"
)

// A folder is a directory of JPEG files, or a pattern that matches some, played at the frame rate. Names are in the order
// of their bytes: 10.jpg comes before 9.jpg, so they need leading zeros. The list is made anew for each pass. Only the
// first picture of a file is played. So the depth map of a telephone's photo is left out.
type folder struct {
	which string // which files, for people
	list  func() ([]string, error)
	o     Options
}

// newFolder returns the source for the files in a directory whose names end in .jpg or .jpeg, in any case.
func newFolder(dir string, o Options) (Source, error) {
	return newFiles("*.jpg or *.jpeg in "+dir, o, func() (files []string, err error) {
		entries, err := os.ReadDir(dir) // sorted by name
		for _, e := range entries {
			if end := strings.ToLower(filepath.Ext(e.Name())); end == ".jpg" || end == ".jpeg" {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
		return files, err
	})
}

// newGlob returns the source for all files that match a pattern of [filepath.Match], with any extension.
func newGlob(pattern string, o Options) (Source, error) {
	return newFiles(pattern, o, func() ([]string, error) { return filepath.Glob(pattern) }) // sorted by name
}

// newFiles returns the source for the files of a list, or an error if there are none.
func newFiles(which string, o Options, list func() ([]string, error)) (Source, error) {
	if o.Follow {
		return newFollowed(which, o, list)
	}
	files, err := list()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrName, which, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w: there is no file %s", ErrNoJPEG, which)
	}
	return &folder{which, list, o}, nil
}

// OnDemand returns true: the folder begins anew when it is opened again.
func (f *folder) OnDemand() bool { return true }

func (f *folder) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, f.o, f.play)
}

func (f *folder) play(ctx context.Context, emit emitter) error {
	warned := false
	return playFiles(ctx, f.o, f.which, emit, func(show emitter) error {
		files, err := f.list()
		if err != nil {
			return err
		}
		shown := 0
		for _, name := range files {
			jpeg, err := f.read(name)
			if err == nil {
				shown++
				if err := show(protocol.Frame{JPEG: jpeg}.Immutable()); err != nil {
					return err
				}
			} else if !warned {
				f.o.Log.Warn("left out a file without a whole JPEG; further ones are not logged", "file", name, "why", err)
				warned = true
			}
		}
		if shown == 0 {
			return fmt.Errorf("%w in any of the %d files %s", ErrNoJPEG, len(files), f.which)
		}
		return nil
	})
}

// read returns the picture in a file, and counts the file if there is none.
func (f *folder) read(name string) (jpeg []byte, err error) {
	counted := false
	o := f.o
	o.Skip = func(reason string) { counted = true; f.o.Skip(reason) }
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file") // a named pipe would have to be waited for
	} else if err == nil {
		jpeg, err = readPhoto(name, o)
	}
	if err != nil && !counted {
		f.o.Skip("unreadable") // or empty
	}
	return jpeg, err
}
