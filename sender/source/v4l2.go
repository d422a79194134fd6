package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"iter"
	"log/slog"
	"strings"
	"time"

	"udpcam/internal/raw"
	"udpcam/internal/v4l2"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

const (
	// buffers is how many pictures a driver has room for: one that it fills, one that is read here, and two more, for when
	// the caller takes longer than a frame. More would only be older.
	buffers = 4
	// firstPicture is how long a camera may take for its first picture before another one is tried. Some need two seconds
	// to find their exposure.
	firstPicture = 4 * time.Second
	// lookAgain is how often a camera that is away is looked for.
	lookAgain = 250 * time.Millisecond
)

// What a camera's pictures are left out for, besides the reasons of package mjpeg.
const (
	// Damaged is a picture that the driver says is not whole.
	Damaged = "damaged"
	// Outdated is a picture that was not taken before a newer one was there.
	Outdated = "outdated"
	// Missed is a picture that the camera made and the driver had no room for.
	Missed = "missed"
	// Repeated is a picture that is the same as the one before, and Options.DropSame allows to leave out.
	Repeated = "repeated"
	// NotRotatable is a picture that cannot be rotated without loss, among others that can.
	NotRotatable = "not rotatable"
)

// A videoDevice is what is needed of a *v4l2.Device.
type videoDevice interface {
	Info() v4l2.Info
	Formats() ([]v4l2.Format, error)
	Controls() ([]v4l2.Control, error)
	Set(v4l2.Control, int64) error
	Configure(v4l2.Mode) (v4l2.Mode, error)
	Start(ctx context.Context, buffers int) error
	Next(patience time.Duration) (v4l2.Picture, error)
	Close() error
}

// A v4l2Camera is a camera of this machine, by Linux's Video4Linux2, without OpenCV.
//
//	v4l2.Device.Next ──> MJPEG: mjpeg.Complete, which copies it out of the driver's memory ──> yield
//	                 └─> raw:   raw.Decoder ──> raw.Turn ──> overlay ──> jpegEncoder ─────────┘
//
// Everything happens in the caller's goroutine. A camera's JPEGs are passed on as they are, but for the Huffman tables
// that are not in them; frames carry the driver's time. A caller that is slow misses frames and gets the newest.
//
// A camera that has worked and is unplugged, or gives no more pictures, is looked for until it is back, at its path or,
// as systems like to give it another one, by its name.
type v4l2Camera struct {
	path string // "" for the first that works
	o    Options

	devices func() []string
	open    func(path string) (videoDevice, error)
}

// newV4L2 returns the source for "v4l2:" + rest, rest being a path, a camera's number, or nothing for the first camera
// that works.
func newV4L2(rest string, o Options) (Source, error) {
	if !v4l2.Supported {
		return nil, fmt.Errorf("%w: %w", ErrName, v4l2.ErrSystem)
	}
	if rest != "" && strings.Trim(rest, "0123456789") == "" {
		rest = "/dev/video" + rest
	}
	if _, err := parseControls(o.Controls); err != nil {
		return nil, err
	}
	if _, err := codes(o.Format); err != nil {
		return nil, err
	}
	o.Quality = cmp.Or(o.Quality, defaultQuality)
	c := &v4l2Camera{path: rest, o: o, devices: v4l2.Paths, open: openVideo}
	if rest != "" {
		device, err := v4l2.Open(rest)
		if err != nil && !errors.Is(err, v4l2.ErrBusy) { // by the time it is started it may be free
			return nil, c.explain(rest, err)
		} else if err == nil {
			device.Close()
		}
	}
	return c, nil
}

func openVideo(path string) (videoDevice, error) {
	d, err := v4l2.Open(path)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// OnDemand returns true.
func (c *v4l2Camera) OnDemand() bool { return true }

func (c *v4l2Camera) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		var known *v4l2.Info // the camera, once it has worked
		state := &changes{log: c.o.Log, name: cmp.Or(c.path, "v4l2:")}
		defer state.stop()
		for {
			t, err := c.start(ctx, known)
			if err == nil {
				info := t.device.Info()
				known, state.name = &info, info.Path
				err = t.follow(ctx, state, yield)
				t.device.Close()
			}
			switch {
			case err == errStopped || ctx.Err() != nil:
				return
			case known == nil:
				yield(protocol.Frame{}, err)
				return
			case isFinal(err):
				yield(protocol.Frame{}, err)
				return
			}
			state.say(slog.LevelWarn, "camera is away, waiting for it", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(lookAgain):
			}
		}
	}
}

// isFinal reports whether an error is one that no waiting mends.
func isFinal(err error) bool { return errors.Is(err, ErrOption) || errors.Is(err, mjpeg.ErrRotate) }

// start returns the first camera of those that it may be that works.
func (c *v4l2Camera) start(ctx context.Context, known *v4l2.Info) (*take, error) {
	if known == nil && c.path != "" {
		return c.try(ctx, c.path, silence, nil)
	}
	candidates := c.devices()
	if known != nil {
		candidates = append([]string{known.Path}, candidates...)
	}
	var first error
	for _, path := range candidates {
		t, err := c.try(ctx, path, firstPicture, known)
		if err == nil || isFinal(err) || ctx.Err() != nil {
			return t, err
		}
		if first == nil && !errors.Is(err, v4l2.ErrNoCamera) && !errors.Is(err, errAnother) {
			first = err
		}
	}
	switch {
	case known != nil && (first == nil || errors.Is(first, fs.ErrNotExist)):
		return nil, v4l2.ErrGone
	case first == nil:
		return nil, errNoCameras
	}
	return nil, first
}

var (
	errNoCameras = errors.New("this machine has no camera that V4L2 knows; --source test: is a picture without one")
	errAnother   = errors.New("another camera")
)

// try opens a camera and waits for its first picture. If one is known it must be that.
func (c *v4l2Camera) try(ctx context.Context, path string, patience time.Duration, known *v4l2.Info) (*take, error) {
	explain := c.explain
	if known != nil { // then it is away, and why does not matter to anybody yet
		explain = func(_ string, err error) error { return err }
	}
	device, err := c.open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	if info := device.Info(); known != nil && (info.Name != known.Name || info.Driver != known.Driver) {
		device.Close()
		return nil, errAnother
	}
	t, err := c.prepare(ctx, device, patience)
	if err != nil {
		device.Close()
		return nil, explain(path, err)
	}
	return t, nil
}

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
		t.o.Log.Warn("the camera cannot do what was asked; the nearest is taken", "asked", strings.Join(missed, ", "),
			"taken", t.mode.String())
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
