package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"udpcam/internal/film"
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

// newFile returns the source for a regular file: a film, a photo if there is one picture in it, or a recording if there are
// more.
func newFile(path string, o Options) (Source, error) {
	if o.Follow {
		return newFollowed(path, o, func() ([]string, error) { return []string{path}, nil })
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	src, notFilm := newFilm(path, f, info, o)
	switch {
	case notFilm == nil:
		return src, nil
	case errors.Is(notFilm, film.ErrCodec):
		return nil, fmt.Errorf("%w: %s: %w; ffmpeg can make JPEGs of them: --source ffmpeg:%s", ErrNoJPEG, path, notFilm, path)
	}
	look := o
	cut := false // pictures that are left out are counted later, when the file is played
	look.Skip = func(reason string) { cut = cut || reason == string(mjpeg.Truncated) }
	pictures := look.pictures(f)
	first, err := pictures.next()
	switch {
	case err != nil && !errors.Is(notFilm, film.ErrForeign):
		return nil, fmt.Errorf("%w: the film %s cannot be played: %w; ffmpeg may read it: --source ffmpeg:%s", ErrNoJPEG, path,
			notFilm, path)
	case err == io.EOF, err == errNothingFound:
		return nil, fmt.Errorf("%w in %s: %s", ErrNoJPEG, path, pictures.what())
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrNoJPEG, path, err)
	}
	if !errors.Is(notFilm, film.ErrForeign) {
		o.Log.Warn("the film's own times cannot be read: it is played at --fps", "file", path, "why", notFilm)
	}
	first = first.Keep() // beyond the next
	if _, err := pictures.next(); err != nil || mjpeg.HasCompanions(first.JPEG) {
		if cut {
			o.Log.Warn("the file has one whole picture, and a second that is cut off", "file", path)
		}
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
	return playFiles(ctx, r.o, r.path, emit, func(show emitter) error {
		file, err := os.Open(r.path)
		if err != nil {
			return err
		}
		defer file.Close()
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
func playFiles(ctx context.Context, o Options, name string, emit emitter, once func(show emitter) error) error {
	pace := pacer{fps: cmp.Or(o.FPS, defaultFPS), slack: catchUp}
	return o.passes(ctx, name, func() (shown int, err error) {
		err = once(func(f protocol.Frame) error {
			if _, err := pace.wait(ctx); err != nil {
				return err
			}
			shown++
			f.Captured = time.Now()
			return emit(f)
		})
		return shown, err
	})
}

// passes plays files once or, with Options.Loop, over and over. What has been played once may be away for a while, or be
// half written, when it is its turn again: then passes waits for it.
func (o Options) passes(ctx context.Context, name string, once func() (shown int, err error)) error {
	played, missing := false, false
	for retry := (backoff{}); ; {
		shown, err := once()
		if err == errStopped || ctx.Err() != nil || !o.Loop || !played && shown == 0 && err != nil {
			return err
		}
		played = true
		if shown > 0 {
			if missing {
				o.Log.Info("the file is back", "file", name)
			}
			retry, missing = backoff{}, false
			if err == nil {
				continue
			}
		}
		if !missing {
			o.Log.Warn("the file is away: it is played again when it is back", "file", name, "why", err)
			missing = true
		}
		if err := retry.wait(ctx); err != nil {
			return err
		}
	}
}

// stillFPS is how often a second a photo is shown again. A receiver that joins later waits at most a second.
const stillFPS = 1

// A photo is a file with one picture in it. It is shown again every second, or at Options.FPS, until ctx is done. So a
// receiver that joins later sees it, and a picture that was lost comes again. If another program replaces the file, the new
// picture is shown as soon as it is whole. Options.Loop makes it a recording of one frame, which is played over and over at
// FPS or 30. To send a picture exactly once, pipe it into standard input.
type photo struct {
	path string
	o    Options
}

func (p *photo) OnDemand() bool { return true }

func (p *photo) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, p.o, p.play)
}

func (p *photo) play(ctx context.Context, emit emitter) error {
	shown, _ := versionOf(p.path)
	jpeg, err := readPhoto(p.path, p.o)
	if err != nil {
		return err
	}
	quiet := p.o // a file that is half written is no fault
	quiet.Skip = func(string) {}
	o := p.o
	if !o.Loop {
		o.FPS, o.Loop = cmp.Or(o.FPS, stillFPS), true
	}
	return playFiles(ctx, o, p.path, emit, func(show emitter) error {
		if now, err := versionOf(p.path); err == nil && now != shown {
			if other, err := readPhoto(p.path, quiet); err == nil {
				jpeg, shown = other, now
			}
		}
		return show(protocol.Frame{JPEG: jpeg}.Immutable())
	})
}

// A version tells whether a file has changed.
type version struct {
	changed time.Time
	size    int64
}

func versionOf(path string) (version, error) {
	info, err := os.Stat(path)
	if err != nil {
		return version{}, err
	}
	return version{info.ModTime(), info.Size()}, nil
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
