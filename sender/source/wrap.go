package source

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// wrap adds the options that work the same for every source.
func wrap(s Source, o Options, turns bool) (Source, error) {
	if o.Rotate != 0 && !turns {
		r, err := mjpeg.NewRotator(o.Rotate)
		if err != nil {
			return nil, err
		}
		s = &rotated{s, r, o}
	}
	if o.DropSame > 0 {
		s = &changing{s, o}
	}
	return s, nil
}

// A changing source leaves out pictures that are the same as the one before, byte for byte, but not more than
// Options.DropSame one after another, so that a receiver knows that the camera is still there.
type changing struct {
	Source
	o Options
}

func (s *changing) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, s.o, func(ctx context.Context, emit emitter) error {
		var last []byte
		dropped := 0
		for f, err := range s.Source.Frames(ctx) {
			if err == nil && dropped < s.o.DropSame && bytes.Equal(f.JPEG, last) {
				dropped++
				s.o.Skip(Repeated)
				continue
			}
			last, dropped = append(last[:0], f.JPEG...), 0
			if err == nil {
				err = emit(f)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// A rotated source turns JPEGs without loss. If the first cannot be turned, that is an error. Later ones that cannot be
// turned are left out.
type rotated struct {
	Source
	rotator *mjpeg.Rotator
	o       Options
}

func (s *rotated) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, s.o, func(ctx context.Context, emit emitter) error {
		turned := false
		for f, err := range s.Source.Frames(ctx) {
			if err == nil {
				f, err = rotate(f, s.rotator)
			}
			if turned && errors.Is(err, mjpeg.ErrRotate) {
				s.o.Skip(NotRotatable)
				continue
			}
			turned = true
			if err == nil {
				err = emit(f)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// rotate returns a frame of the picture turned.
func rotate(f protocol.Frame, r *mjpeg.Rotator) (protocol.Frame, error) {
	jpeg, err := r.Rotate(f.JPEG)
	return protocol.Frame{Captured: f.Captured, JPEG: jpeg}.Immutable(), err
}
