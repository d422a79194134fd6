package source

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// newPath returns the source for a path. It decides by the kind of the file, not by its name.
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
	look.Skip = func(string) {} // pictures that are left out are counted later, when the file is played
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

// A recording is a file of JPEGs one after another, or a multipart stream as a camera sent it. Every frame is played, at the
// frame rate, and is read just before it is due.
type recording struct {
	path string
	o    Options
}

// OnDemand returns true: the recording begins anew when it is opened again.
func (r *recording) OnDemand() bool { return true }

func (r *recording) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, r.o, r.play)
}

func (r *recording) play(ctx context.Context, emit emitter) error {
	file, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer file.Close()
	return playFiles(ctx, r.o, emit, func(show emitter) error {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("playing %s: %w", r.path, err)
		}
		for n, pictures := 0, r.o.pictures(file); ; n++ {
			frame, err := pictures.next()
			switch {
			case err == io.EOF && n == 0:
				return fmt.Errorf("%w in %s", ErrNoJPEG, r.path)
			case err == io.EOF:
				return nil
			case err != nil:
				return fmt.Errorf("playing %s: %w", r.path, err)
			}
			if err := show(frame); err != nil {
				return err
			}
		}
	})
}

// playFiles plays frames at the frame rate of the options, and repeats them if the options say so. once hands all frames to
// show.
func playFiles(ctx context.Context, o Options, emit emitter, once func(show emitter) error) error {
	pace := pacer{fps: cmp.Or(o.FPS, defaultFPS), slack: catchUp}
	for {
		err := once(func(f protocol.Frame) error {
			if _, err := pace.wait(ctx); err != nil {
				return err
			}
			f.Captured = time.Now()
			return emit(f)
		})
		if err != nil || !o.Loop {
			return err
		}
	}
}

// stillFPS is how often a second a photo is shown again. A receiver that joins later waits at most a second.
const stillFPS = 1

// A photo is a file with one picture in it. It is shown again every second, or at Options.FPS, until ctx is done. So a
// receiver that joins later sees it, and a picture that was lost comes again. Options.Loop makes it a recording of one
// frame, which is played over and over at FPS or 30. To send a picture exactly once, pipe it into standard input.
type photo struct {
	path string
	o    Options
}

func (p *photo) OnDemand() bool { return true }

func (p *photo) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, p.o, p.play)
}

func (p *photo) play(ctx context.Context, emit emitter) error {
	jpeg, err := readPhoto(p.path, p.o)
	if err != nil {
		return err
	}
	o := p.o
	if !o.Loop {
		o.FPS, o.Loop = cmp.Or(o.FPS, stillFPS), true
	}
	return playFiles(ctx, o, emit, func(show emitter) error { return show(protocol.Frame{JPEG: jpeg}.Immutable()) })
}

// readPhoto returns the first picture in the regular file at path, and leaves out the bytes behind it.
func readPhoto(path string, o Options) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	first, err := o.pictures(f).next()
	switch {
	case err == io.EOF:
		return nil, fmt.Errorf("%w in %s", ErrNoJPEG, path)
	case err != nil:
		return nil, fmt.Errorf("%w in %s: %w", ErrNoJPEG, path, err)
	}
	return first.Keep().JPEG, nil
}
