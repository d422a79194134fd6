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
	pace := pacer{fps: cmp.Or(r.o.FPS, defaultFPS), slack: catchUp}
	for {
		n, err := r.playOnce(ctx, file, &pace, emit)
		switch {
		case err != nil:
			return fmt.Errorf("playing %s: %w", r.path, err)
		case n == 0:
			return fmt.Errorf("%w in %s", ErrNoJPEG, r.path)
		case !r.o.Loop:
			return nil
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("playing %s again: %w", r.path, err)
		}
	}
}

// playOnce plays the file from its beginning and returns how many frames there were.
func (r *recording) playOnce(ctx context.Context, file *os.File, pace *pacer, emit emitter) (n int, err error) {
	for pictures := r.o.pictures(file); ; n++ {
		frame, err := pictures.next()
		if err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		if _, err := pace.wait(ctx); err != nil {
			return n, err
		}
		frame.Captured = time.Now()
		if err := emit(frame); err != nil {
			return n, err
		}
	}
}
