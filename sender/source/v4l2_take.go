package source

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"strings"
	"time"
	"udpcam/internal/raw"
	"udpcam/internal/v4l2"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A take is a camera that gives pictures.
type take struct {
	device videoDevice
	o      Options
	mode   v4l2.Mode
	first  v4l2.Picture
	thin   thinning

	pool    protocol.Pool  // of JPEGs that are passed on
	last    int            // how long the last one was
	rotator *mjpeg.Rotator // of JPEGs, nil if they are not rotated

	decoder *raw.Decoder // of raw pictures, nil if the camera gives JPEGs
	encoder *jpegEncoder
	turned  image.Image
	overlay *overlay
}

// prepare has the camera do what the options say, as nearly as it can, and waits for its first picture.
func (c *v4l2Camera) prepare(ctx context.Context, device videoDevice, patience time.Duration) (*take, error) {
	t := &take{device: device, o: c.o, thin: thinning{fps: c.o.FPS}}
	formats, err := device.Formats()
	if err != nil {
		return nil, err
	}
	want, err := choose(formats, c.o)
	if err != nil {
		return nil, err
	}
	if t.mode, err = device.Configure(want); err != nil {
		return nil, err
	}
	if err := t.fit(); err != nil {
		return nil, err
	}
	if err := t.control(c.o.Controls); err != nil {
		return nil, err
	}
	if err := device.Start(ctx, buffers); err != nil {
		return nil, err
	}
	if t.first, err = device.Next(patience); err != nil {
		return nil, err
	}
	t.say()
	return t, nil
}

// fit sees to it that the mode's pictures can be handed on as the options say.
func (t *take) fit() (err error) {
	code := t.mode.Code.String()
	switch {
	case isJPEG(code):
		if t.o.Rotate != 0 {
			t.rotator, err = mjpeg.NewRotator(t.o.Rotate)
		}
		return err
	case raw.Rank(code) < 0:
		return fmt.Errorf("the camera gives pictures of format %s, which cannot be sent as JPEGs", code)
	}
	t.encoder = newJPEGEncoder(t.o)
	if t.overlay, err = newOverlay(t.o.Text); err != nil {
		return err
	}
	t.decoder, err = raw.New(code, t.mode.Size, t.mode.Stride, t.mode.FullRange)
	return err
}

// say tells which camera it is and how it gives pictures, and if that is not what was asked for.
func (t *take) say() {
	info := t.device.Info()
	t.o.Log.Info("camera", "path", info.Path, "name", info.Name, "mode", t.mode.String())
	var missed []string
	if t.o.Size != (image.Point{}) && t.o.Size != t.mode.Size {
		missed = append(missed, fmt.Sprintf("%dx%d", t.o.Size.X, t.o.Size.Y))
	}
	if t.o.FPS != 0 && t.mode.FPS != 0 && t.mode.FPS < t.o.FPS*0.99 {
		missed = append(missed, fmt.Sprintf("%.4g fps", t.o.FPS))
	}
	if len(missed) > 0 {
		t.o.Log.Warn("the camera cannot do this mode: using the nearest that it can do", "asked", strings.Join(missed, ", "),
			"using", t.mode.String())
	}
}

// follow yields the camera's pictures until it gives no more, or the caller wants no more, which is errStopped.
func (t *take) follow(ctx context.Context, state *changes, yield func(protocol.Frame, error) bool) error {
	p, next := t.first, t.first.Sequence
	for proven := false; ; {
		t.count(p, next)
		next = p.Sequence + 1
		if t.thin.take(p.Captured) {
			f, err := t.frame(p)
			switch {
			case err == nil && len(f.JPEG) > t.o.MaxFrameSize:
				t.o.Skip(string(mjpeg.Oversized))
			case err == nil:
				proven = true
				state.say(slog.LevelInfo, "camera gives pictures", nil)
				if !yield(f, nil) {
					return errStopped
				}
			case errors.Is(err, mjpeg.ErrRotate) && !proven:
				return err
			default:
				t.o.Skip(reasonOf(err))
			}
		}
		var err error
		if p, err = t.device.Next(silence); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return errStopped
		}
	}
}

// count counts the pictures that there were since the last one, whose successor has the number next.
func (t *take) count(p v4l2.Picture, next uint32) {
	skip := func(n int, reason string) {
		for range n {
			t.o.Skip(reason)
		}
	}
	skip(p.Stale, Outdated)
	skip(p.Damaged, Damaged)
	const plausible = 1000 // a larger gap is a driver that counts in its own way
	if gap := int(p.Sequence-next) - p.Stale - p.Damaged; gap > 0 && gap < plausible {
		skip(gap, Missed)
	}
}

// frame makes a frame of a picture. It is lent until frame is called again.
func (t *take) frame(p v4l2.Picture) (f protocol.Frame, err error) {
	t.pool.TakeBack()
	f.Captured = p.Captured
	if t.decoder != nil {
		f.JPEG, err = t.encode(p)
		return f.Immutable(), err
	}
	f.JPEG, err = mjpeg.Complete(t.pool.Get(t.last + t.last/8)[:0], p.Data)
	t.last = max(t.last/2, len(f.JPEG))
	f = t.pool.Lend(f)
	if err == nil && t.rotator != nil {
		return rotate(f, t.rotator)
	}
	return f, err
}

// encode makes a JPEG of a raw picture.
func (t *take) encode(p v4l2.Picture) ([]byte, error) {
	img, err := t.decoder.Decode(p.Data)
	if err != nil {
		return nil, err
	}
	if t.o.Rotate != 0 {
		t.turned = raw.Turn(img, t.o.Rotate, t.turned)
		img = t.turned
	}
	t.overlay.draw(img, p.Captured)
	return t.encoder.encode(img)
}

// reasonOf is what a picture that cannot be handed on is counted as.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, mjpeg.ErrCut), errors.Is(err, raw.ErrShort):
		return string(mjpeg.Truncated)
	case errors.Is(err, mjpeg.ErrRotate):
		return NotRotatable
	}
	return string(mjpeg.Malformed)
}
