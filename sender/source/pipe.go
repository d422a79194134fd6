package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"golang.org/x/term"

	"udpcam/protocol"
)

// A pipe reads pictures from standard input or a named pipe. Its writer sets the pace; with Options.FPS it has to wait if it
// is faster. It ends with its input.
type pipe struct {
	name string
	open func(ctx context.Context) (io.ReadCloser, error) // Read ends when ctx is done
	o    Options
}

func newStdin(_ string, o Options) (Source, error) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, errors.New("standard input is a terminal: pipe JPEGs into it, as from ffmpeg -re -i VIDEO -f mjpeg -q:v 3 -")
	}
	return &pipe{"standard input", openStdin, o}, nil
}

// newFIFO returns the source that reads the named pipe at path. Until its first writer comes, Frames waits.
func newFIFO(path string, o Options) (Source, error) {
	if err := o.check(fps | live); err != nil {
		return nil, fmt.Errorf("%w (%s is a named pipe)", err, path)
	}
	return &pipe{path, func(ctx context.Context) (io.ReadCloser, error) { return openFIFO(ctx, path) }, o}, nil
}

// OnDemand returns false: while nobody reads, pictures would be lost, or the writer would stop.
func (p *pipe) OnDemand() bool { return false }

func (p *pipe) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, p.o, p.play)
}

func (p *pipe) play(ctx context.Context, emit emitter) error {
	ctx, wrong := context.WithCancelCause(ctx)
	defer wrong(nil)
	in, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer in.Close()
	pictures := p.o.pictures(in)
	defer pictures.watch(p.o.Log, p.name, wrong)()
	pace := pacer{fps: cmp.Or(p.o.FPS, maxFPS), slack: catchUp}
	for n := 0; ; n++ {
		f, err := pictures.next()
		switch {
		case err != nil && context.Cause(ctx) != ctx.Err():
			return fmt.Errorf("reading %s: %w", p.name, context.Cause(ctx))
		case errors.Is(err, io.EOF) && n == 0:
			return fmt.Errorf("%w came on %s before it ended: %s", ErrNoJPEG, p.name, pictures.what())
		case err == io.EOF:
			return nil
		case err == errNothingFound:
			return fmt.Errorf("%w: %s brought %w: %s", ErrNoJPEG, p.name, err, pictures.what())
		case err != nil:
			return fmt.Errorf("reading %s: %w", p.name, err)
		}
		if p.o.FPS != 0 {
			if _, err := pace.wait(ctx); err != nil {
				return err
			}
			f.Captured = time.Now()
		}
		if err := emit(f); err != nil {
			return err
		}
	}
}

// readApart returns a reader of a file whose Read cannot be interrupted. The file is opened and read in a goroutine of its
// own, which stays until the file brings something more or the process ends.
func readApart(ctx context.Context, open func() (io.ReadCloser, error)) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		file, err := open()
		if err == nil {
			defer file.Close()
			_, err = io.Copy(w, file)
		}
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { r.CloseWithError(errStopped) })
	return r
}

// openStdinApart is openStdin for systems where nothing better is possible. Standard input stays open.
func openStdinApart(ctx context.Context) io.ReadCloser {
	return readApart(ctx, func() (io.ReadCloser, error) { return io.NopCloser(os.Stdin), nil })
}
