package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"time"

	"udpcam/internal/film"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A filmFile is a film of JPEGs: Matroska, AVI, MP4 or QuickTime. It is played at its own times, or at Options.FPS. Pictures
// without Huffman tables, as in many AVIs, get the standard ones.
type filmFile struct {
	path string
	o    Options
}

// newFilm returns the source for a file if it is a film. If not, the error is film.ErrForeign.
func newFilm(path string, file *os.File, info fs.FileInfo, o Options) (Source, error) {
	f, err := film.Open(file, info.Size())
	if err != nil {
		return nil, err
	}
	look := o
	look.Skip = func(string) {}
	for frame, err := range look.filmed(f, file) {
		if err == nil && frame.JPEG != nil {
			return &filmFile{path, o}, nil
		}
	}
	return nil, film.ErrDamaged
}

// OnDemand returns true: the film begins anew when it is opened again.
func (f *filmFile) OnDemand() bool { return true }

func (f *filmFile) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, f.o, f.play)
}

func (f *filmFile) play(ctx context.Context, emit emitter) error {
	if f.o.FPS != 0 {
		return playFiles(ctx, f.o, f.path, emit, func(show emitter) error {
			return f.once(ctx, func(frame protocol.Frame, _ time.Duration) error { return show(frame) })
		})
	}
	var table timetable
	return f.o.passes(ctx, f.path, func() (shown int, err error) {
		var last, step time.Duration
		err = f.once(ctx, func(frame protocol.Frame, at time.Duration) error {
			if shown > 0 {
				step = at - last
			}
			last = at
			shown++
			if err := table.wait(ctx, at); err != nil {
				return err
			}
			frame.Captured = time.Now()
			return emit(frame)
		})
		if step == 0 {
			step = time.Second / defaultFPS
		}
		table.turn(last + step) // the next pass begins one picture later
		return shown, err
	})
}

// once hands on all pictures of the film, with their times.
func (f *filmFile) once(ctx context.Context, show func(protocol.Frame, time.Duration) error) error {
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	reel, err := film.Open(file, info.Size())
	if err != nil {
		return fmt.Errorf("playing %s: %w", f.path, err)
	}
	shown := false
	for frame, err := range f.o.filmed(reel, file) {
		switch {
		case ctx.Err() != nil:
			return errStopped
		case errors.Is(err, film.ErrCut):
			f.o.Skip(string(mjpeg.Truncated))
		case errors.Is(err, film.ErrDamaged):
			f.o.Log.Warn("the film is damaged: what follows is left out", "file", f.path, "why", err)
			f.o.Skip(string(mjpeg.Malformed))
		case err != nil:
			return fmt.Errorf("playing %s: %w", f.path, err)
		case frame.JPEG != nil:
			shown = true
			if err := show(frame.Frame, frame.at); err != nil {
				return err
			}
		}
	}
	if !shown {
		return fmt.Errorf("%w in %s", ErrNoJPEG, f.path)
	}
	return nil
}

// A filmedFrame is a picture of a film, and when it is due. Without a picture, one was left out.
type filmedFrame struct {
	protocol.Frame
	at time.Duration
}

// filmed yields the pictures of a film. A frame is lent until the next.
func (o Options) filmed(f *film.Film, file *os.File) iter.Seq2[filmedFrame, error] {
	return func(yield func(filmedFrame, error) bool) {
		var pool protocol.Pool
		var raw []byte
		for p, err := range f.Pictures() {
			pool.TakeBack()
			frame := filmedFrame{at: p.At}
			switch {
			case err != nil:
			case p.Size > o.MaxFrameSize:
				o.Skip(string(mjpeg.Oversized))
			default:
				if cap(raw) < p.Size {
					raw = make([]byte, p.Size+p.Size/4)
				}
				raw = raw[:p.Size]
				if _, err = file.ReadAt(raw, p.Offset); err != nil {
					break
				}
				jpeg, broken := mjpeg.Complete(pool.Get(p.Size + 1<<10)[:0], raw)
				if broken != nil {
					o.Skip(reasonOf(broken))
					break
				}
				frame.Frame = pool.Lend(protocol.Frame{JPEG: jpeg})
			}
			if !yield(frame, err) || err != nil {
				return
			}
		}
	}
}

// A timetable says when frames are due that have times of their own. A caller that is late gets all frames until it has
// caught up. One that is late by more than catchUp goes on from there.
type timetable struct {
	start time.Time // when time 0 was due
}

// wait waits until a time of the film.
func (t *timetable) wait(ctx context.Context, at time.Duration) error {
	now := time.Now()
	if late := now.Sub(t.start.Add(at)); t.start.IsZero() || late > catchUp {
		t.start = now.Add(-at)
	}
	return sleep(ctx, t.start.Add(at).Sub(now))
}

// turn lets the film begin anew when it is so long.
func (t *timetable) turn(length time.Duration) {
	if !t.start.IsZero() {
		t.start = t.start.Add(length)
	}
}
