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

// A liveCamera is a camera that gives pictures.
type liveCamera struct {
	device videoDevice
	o      Options
	mode   v4l2.Mode
	first  v4l2.Picture
	thin   thinning

	pool protocol.Pool // of JPEGs that are passed on
	last int           // how long the last one was

	decoder *raw.Decoder // of raw pictures, nil if the camera gives JPEGs
	encoder *jpegEncoder
	turned  image.Image
}

// startCamera sets a camera up as nearly to the options as it can, and waits for its first picture.
func startCamera(ctx context.Context, device videoDevice, o Options, patience time.Duration) (*liveCamera, error) {
	c := &liveCamera{device: device, o: o, thin: thinning{fps: o.FPS}}
	formats, err := device.Formats()
	if err != nil {
		return nil, err
	}
	want, err := choose(formats, o)
	if err != nil {
		return nil, err
	}
	if c.mode, err = device.Configure(want); err != nil {
		return nil, err
	}
	if err := c.fit(); err != nil {
		return nil, err
	}
	if err := c.control(o.Controls); err != nil {
		return nil, err
	}
	if err := device.Start(ctx, buffers); err != nil {
		return nil, err
	}
	if c.first, err = device.Next(patience); err != nil {
		return nil, err
	}
	c.logMode()
	return c, nil
}

// fit prepares to hand on the mode's pictures as the options say. It returns an error if that is not possible.
func (c *liveCamera) fit() (err error) {
	code := c.mode.Code.String()
	switch {
	case isJPEG(code):
		return nil
	case raw.Rank(code) < 0:
		return fmt.Errorf("the camera gives pictures of format %s, which cannot be sent as JPEGs", code)
	}
	c.encoder = newJPEGEncoder(c.o)
	c.decoder, err = raw.New(code, c.mode.Size, c.mode.Stride, c.mode.FullRange)
	return err
}

// logMode logs the camera and its mode, and warns if the mode is not the one that the options ask for.
func (c *liveCamera) logMode() {
	info := c.device.Info()
	c.o.Log.Info("camera", "path", info.Path, "name", info.Name, "mode", c.mode.String())
	var missed []string
	if c.o.Size != (image.Point{}) && c.o.Size != c.mode.Size {
		missed = append(missed, fmt.Sprintf("%dx%d", c.o.Size.X, c.o.Size.Y))
	}
	if c.o.FPS != 0 && c.mode.FPS != 0 && c.mode.FPS < c.o.FPS*0.99 {
		missed = append(missed, fmt.Sprintf("%.4g fps", c.o.FPS))
	}
	if len(missed) > 0 {
		c.o.Log.Warn("the camera cannot do this mode: using the nearest that it can do", "asked", strings.Join(missed, ", "),
			"using", c.mode.String())
	}
}

// follow emits the camera's pictures until it gives no more.
func (c *liveCamera) follow(ctx context.Context, state *changes, emit emitter) error {
	if c.decoder == nil && c.o.turns() {
		emit = c.o.rotate(emit)
	}
	for p, next := c.first, c.first.Sequence; ; {
		c.count(p, next)
		next = p.Sequence + 1
		if c.thin.wants(p.Captured) {
			if f, err := c.frame(p); err != nil {
				c.o.Skip(reasonOf(err))
			} else {
				state.note(slog.LevelInfo, "camera gives pictures", nil)
				if err := emit(f); err != nil {
					return err
				}
			}
		}
		var err error
		if p, err = c.device.Next(silence); ctx.Err() != nil {
			return errStopped
		} else if err != nil {
			return err
		}
	}
}

// count counts the pictures that were left out since the last one. next is the number that should follow the last.
func (c *liveCamera) count(p v4l2.Picture, next uint32) {
	skip := func(n int, reason string) {
		for range n {
			c.o.Skip(reason)
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
func (c *liveCamera) frame(p v4l2.Picture) (f protocol.Frame, err error) {
	c.pool.TakeBack()
	f.Captured = p.Captured
	if c.decoder != nil {
		f.JPEG, err = c.encode(p)
		return f.Immutable(), err
	}
	f.JPEG, err = mjpeg.Complete(c.pool.Get(c.last + c.last/8)[:0], p.Data)
	c.last = max(c.last/2, len(f.JPEG))
	return c.pool.Lend(f), err
}

func (c *liveCamera) encode(p v4l2.Picture) ([]byte, error) {
	img, err := c.decoder.Decode(p.Data)
	if err != nil {
		return nil, err
	}
	if c.o.turns() {
		c.turned = raw.Turn(img, c.o.Rotate, c.o.Flip, c.turned)
		img = c.turned
	}
	return c.encoder.encode(img, p.Captured)
}

// reasonOf is the reason under which a picture that cannot be handed on is counted.
func reasonOf(err error) string {
	if errors.Is(err, mjpeg.ErrCut) || errors.Is(err, raw.ErrShort) {
		return string(mjpeg.Truncated)
	}
	return string(mjpeg.Malformed)
}
