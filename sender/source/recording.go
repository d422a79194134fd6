package source

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"udpcam/protocol"
)

// A recording is a file of JPEGs one after another, or of a multipart stream as a camera sent it. Every frame of it is
// played, at the frame rate, and is read just before it is due.
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

// playFiles plays frames at the frame rate of the options, again and again if they say so. once hands all frames to show.
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
