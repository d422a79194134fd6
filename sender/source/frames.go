package source

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// errStopped means that the caller of Frames wants no more, or that ctx is done. Only the functions of a source see it.
var errStopped = errors.New("stopped")

// An emitter takes the next frame of a source. If its error is not nil, the source must end with that error.
type emitter func(protocol.Frame) error

// frames returns the iterator of Frames, with the options that work the same for every source. play opens the source, calls
// emit with each frame, and closes the source before it returns.
func frames(ctx context.Context, o Options, play func(context.Context, emitter) error) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		emit := func(f protocol.Frame) error {
			switch {
			case len(f.JPEG) > o.MaxFrameSize:
				o.Skip(string(mjpeg.Oversized))
			case !yield(f, nil):
				return errStopped
			}
			return nil
		}
		if o.DropSame > 0 {
			emit = o.dropSame(emit)
		}
		if o.turns() && !o.rotatesRaw {
			emit = o.rotate(emit)
		}
		if err := play(ctx, emit); err != nil && ctx.Err() == nil && !errors.Is(err, errStopped) {
			yield(protocol.Frame{}, err)
		}
	}
}

// dropSame returns an emitter that leaves out pictures that are the same as the one before, byte for byte, but not more
// than Options.DropSame one after another. So a receiver can see that the camera still works.
func (o Options) dropSame(emit emitter) emitter {
	var last []byte
	dropped := 0
	return func(f protocol.Frame) error {
		if dropped < o.DropSame && bytes.Equal(f.JPEG, last) {
			dropped++
			o.Skip(Repeated)
			return nil
		}
		last, dropped = append(last[:0], f.JPEG...), 0
		return emit(f)
	}
}

// turns reports whether pictures are turned or mirrored.
func (o Options) turns() bool { return o.Rotate != 0 || o.Flip != "" }

// rotate returns an emitter that turns and mirrors JPEGs without loss. If the first cannot be turned, that is an error.
// Later ones that cannot be turned are left out.
func (o Options) rotate(emit emitter) emitter {
	rotator, err := mjpeg.NewRotator(o.Rotate, o.Flip)
	turned := false
	return func(f protocol.Frame) error {
		if err != nil {
			return err
		}
		jpeg, err := rotator.Rotate(f.JPEG)
		if turned && errors.Is(err, mjpeg.ErrRotate) {
			o.Skip(NotRotatable)
			return nil
		} else if err != nil {
			return err
		}
		turned = true
		return emit(protocol.Frame{Captured: f.Captured, JPEG: jpeg}.Immutable())
	}
}
