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

// catchUp is how far a film may fall behind its schedule and still make up for it frame by frame.
const catchUp = time.Second

// A film is a file of JPEGs one after another, or of a multipart stream as a camera sent it. It is played at the frame
// rate, every frame of it, and read as it is played: each frame just before it is due.
type film struct {
	path string
	o    Options
}

// OnDemand returns true: the film begins anew when it is opened again.
func (f *film) OnDemand() bool { return true }

func (f *film) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		file, err := os.Open(f.path)
		if err != nil {
			yield(protocol.Frame{}, err)
			return
		}
		defer file.Close()
		due := newSchedule(cmp.Or(f.o.FPS, defaultFPS), catchUp)
		for {
			switch n, err := f.play(ctx, file, due, yield); {
			case err == errStopped:
				return
			case err != nil:
				yield(protocol.Frame{}, fmt.Errorf("playing %s: %w", f.path, err))
				return
			case n == 0:
				yield(protocol.Frame{}, fmt.Errorf("%w in %s", ErrNoJPEG, f.path))
				return
			case !f.o.Loop:
				return
			}
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				yield(protocol.Frame{}, fmt.Errorf("playing %s again: %w", f.path, err))
				return
			}
		}
	}
}

// play yields the frames of one pass through the file and returns how many there were.
func (f *film) play(ctx context.Context, file *os.File, due *schedule,
	yield func(protocol.Frame, error) bool) (n int, err error) {
	content := &search{r: file}
	pictures := f.o.reader(content)
	for ; ; n++ {
		frame, err := pictures.Next()
		if err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, content.cause(err)
		}
		content.found()
		if !due.wait(ctx) {
			return n, errStopped
		}
		frame.Captured = time.Now()
		if !yield(frame, nil) {
			return n, errStopped
		}
	}
}
