package source

import (
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

// A pipe reads pictures from something that is open once and whose writer sets the pace: standard input or a named pipe.
// It ends with its input.
type pipe struct {
	name  string
	open  func() (*os.File, error)
	close func(*os.File) error
	// until returns a reader of the file that gives up when ctx is done, and what releases it.
	until func(ctx context.Context, f *os.File) (r io.Reader, release func(), err error)
	o     Options
}

// newStdin returns the source that reads standard input.
func newStdin(_ string, o Options) (Source, error) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, errors.New("standard input is a terminal: pipe JPEGs into it, as from ffmpeg -i VIDEO -f mjpeg -")
	}
	p := &pipe{
		name:  "standard input",
		open:  func() (*os.File, error) { return os.Stdin, nil },
		close: func(*os.File) error { return nil }, // it was not opened here
		until: interruptible,
		o:     o,
	}
	if own, err := openOwnStdin(); err == nil {
		p.open, p.close, p.until = func() (*os.File, error) { return own, nil }, (*os.File).Close, untilDone
	}
	return p, nil
}

// newFIFO returns the source that reads the named pipe at path. Until its first writer comes, Frames waits.
func newFIFO(path string, o Options) (Source, error) {
	if err := o.check(0); err != nil {
		return nil, fmt.Errorf("%w (%s is a named pipe)", err, path)
	}
	return &pipe{
		name:  path,
		open:  func() (*os.File, error) { return openFIFO(path) },
		close: (*os.File).Close,
		until: interruptible,
		o:     o,
	}, nil
}

// OnDemand returns false: what is written while nobody reads would be lost, or stop the writer.
func (p *pipe) OnDemand() bool { return false }

func (p *pipe) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		file, err := p.open()
		if err != nil {
			yield(protocol.Frame{}, err)
			return
		}
		defer p.close(file)
		growPipe(file)
		r, stop, err := p.until(ctx, file)
		if err != nil {
			yield(protocol.Frame{}, err)
			return
		}
		defer stop()

		input := &search{r: r}
		pictures := p.o.reader(input)
		for n := 0; ; n++ {
			f, err := pictures.Next()
			if err != nil {
				if err := p.ending(input.cause(err), n); err != nil && ctx.Err() == nil {
					yield(protocol.Frame{}, err)
				}
				return
			}
			input.found()
			if !yield(f, nil) {
				return
			}
		}
	}
}

// untilDone is for files that Go's poller waits for.
func untilDone(ctx context.Context, f *os.File) (io.Reader, func(), error) {
	if err := f.SetReadDeadline(time.Time{}); err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { f.SetReadDeadline(time.Unix(1, 0)) })
	return quietly(f), func() { stop() }, nil
}

// ending returns what is wrong, if anything, when the input has ended after n pictures with err.
func (p *pipe) ending(err error, n int) error {
	switch {
	case err == errNothingFound:
		return fmt.Errorf("%w: %s brought %w", ErrNoJPEG, p.name, err)
	case err != io.EOF:
		return fmt.Errorf("reading %s: %w", p.name, err)
	case n == 0:
		return fmt.Errorf("%w came on %s before it ended", ErrNoJPEG, p.name)
	}
	return nil
}
