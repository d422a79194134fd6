package source

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A setting is a set of the options that only some sources take.
type setting uint16

const (
	fps setting = 1 << iota
	loop
	size
	quality
	format
	control
	text
	live // DropSame
)

// maxFPS is the highest frame rate that can be asked for: a source that has no clock sends as fast as it is told.
const maxFPS = 1000

// check returns an error if an option is out of range, or is given and not among those that the source takes.
func (o Options) check(takes setting) error {
	if o.FPS != 0 && !(o.FPS >= 0.001 && o.FPS <= maxFPS) {
		return fmt.Errorf("%w: %v frames per second: it can be 0.001 to %d", ErrOption, o.FPS, maxFPS)
	}
	if o.Quality < 0 || o.Quality > 100 {
		return fmt.Errorf("%w: JPEG quality %d: it can be 1 to 100", ErrOption, o.Quality)
	}
	if o.Size.X < 0 || o.Size.Y < 0 || (o.Size.X == 0) != (o.Size.Y == 0) {
		return fmt.Errorf("%w: picture size %dx%d", ErrOption, o.Size.X, o.Size.Y)
	}
	if o.DropSame < 0 {
		return fmt.Errorf("%w: %d repeats: leave out 1 or more, or 0 for none", ErrOption, o.DropSame)
	}
	if o.Rotate != 0 && o.Rotate != 90 && o.Rotate != 180 && o.Rotate != 270 {
		return fmt.Errorf("%w: rotation by %d degrees: it can be 90, 180 or 270, clockwise", ErrOption, o.Rotate)
	}
	if o.MaxFrameSize < 0 || o.MaxFrameSize > protocol.MaxFrameSize {
		return fmt.Errorf("%w: largest frame %d bytes: it can be 1 to %d", ErrOption, o.MaxFrameSize, protocol.MaxFrameSize)
	}
	switch {
	case o.Loop && takes&loop == 0:
		return fmt.Errorf("%w: a live source cannot be looped", ErrOption)
	case o.FPS != 0 && takes&fps == 0:
		return fmt.Errorf("%w: a live source brings its own frame rate", ErrOption)
	case o.Size.X != 0 && takes&size == 0:
		return fmt.Errorf("%w: the source passes pictures on as they are, at their own size", ErrOption)
	case o.Quality != 0 && takes&quality == 0:
		return fmt.Errorf("%w: the source passes pictures on as they are, at their own quality", ErrOption)
	case o.Format != "" && takes&format == 0:
		return fmt.Errorf("%w: the source has no formats to choose from; v4l2 cameras have", ErrOption)
	case len(o.Controls) > 0 && takes&control == 0:
		return fmt.Errorf("%w: the source has no controls; v4l2 cameras have", ErrOption)
	case o.Text != "" && takes&text == 0:
		return fmt.Errorf("%w: the source passes pictures on as they are; text can be written into those that are encoded here", ErrOption)
	case o.DropSame != 0 && takes&live == 0:
		return fmt.Errorf("%w: what is not live has no repeats to leave out", ErrOption)
	}
	return nil
}

// withDefaults fills in what has one default for all sources.
func (o Options) withDefaults() Options {
	o.qualityAsked = o.Quality != 0
	if o.MaxFrameSize == 0 {
		o.MaxFrameSize = protocol.MaxFrameSize
	}
	if o.Skip == nil {
		o.Skip = func(string) {}
	}
	if o.Encoded == nil {
		o.Encoded = func(time.Duration) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// reader returns a reader of the pictures in r that counts what it leaves out with Skip.
func (o Options) reader(r io.Reader) *pictures {
	p := &pictures{}
	p.reader = mjpeg.NewReader(r, mjpeg.ReaderOptions{
		MaxFrameSize: o.MaxFrameSize,
		Skip:         func(reason mjpeg.Reason) { o.Skip(string(reason)) },
		Alloc:        p.pool.Get,
	})
	return p
}

// pictures are the pictures of a byte stream.
type pictures struct {
	reader *mjpeg.Reader
	pool   protocol.Pool
}

// Next returns the next picture as [mjpeg.Reader.Next] does, as a frame that was captured now. It is lent until Next is
// called again.
func (p *pictures) Next() (protocol.Frame, error) {
	p.pool.TakeBack()
	jpeg, err := p.reader.Next()
	if err != nil {
		return protocol.Frame{}, err
	}
	return p.pool.Lend(protocol.Frame{Captured: time.Now(), JPEG: jpeg}), nil
}
