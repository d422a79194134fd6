package source

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"udpcam/protocol"
)

// stillFPS is how often a second a photo is shown again. A receiver that joins later waits at most a second.
const stillFPS = 1

// A photo is a file with one picture in it. It is yielded at once, and then again every second until ctx is done. So a
// receiver that joins later sees it, a picture lost on the way is made good, and a server of it goes on serving.
// Options.FPS, if given, is how many times a second. Options.Loop makes it a recording of one frame that is played over and
// over, at FPS or 30. To send a picture exactly once, pipe it into standard input.
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

// readPhoto returns the first picture in the regular file at path, and leaves out what stands behind it.
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
