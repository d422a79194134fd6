package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"strings"
	"time"

	"udpcam/internal/v4l2"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

const (
	// buffers is how many pictures a driver has room for: one that it fills, one that udpcam reads, and two spare for a slow
	// caller. More would only be older.
	buffers = 4
	// firstPicture is how long a camera may take for its first picture before another one is tried. Some need two seconds
	// to find their exposure.
	firstPicture = 4 * time.Second
	// lookAgain is the time between two searches for a camera that is away.
	lookAgain = 250 * time.Millisecond
)

// Reasons for leaving out pictures of a camera, besides those of package mjpeg.
const (
	// Damaged is a picture that the driver says is not whole.
	Damaged = "damaged"
	// Outdated is a picture that was still waiting when a newer one came.
	Outdated = "outdated"
	// Missed is a picture that the camera made and the driver had no room for.
	Missed = "missed"
	// Repeated is a picture that is the same as the one before, left out as Options.DropSame says.
	Repeated = "repeated"
	// NotRotatable is a picture that cannot be rotated without loss, although the first one could.
	NotRotatable = "not rotatable"
)

// A videoDevice is a *v4l2.Device, or a fake in tests.
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

// A v4l2Camera is a camera of this machine, read through Linux's Video4Linux2.
//
//	v4l2.Device.Next ──> MJPEG: mjpeg.Complete, which copies it out of the driver's memory ──> yield
//	                 └─> raw:   raw.Decoder ──> raw.Turn ──> overlay ──> jpegEncoder ─────────┘
//
// Everything happens in the caller's goroutine. A camera's JPEGs are passed on as they are, and get Huffman tables if they
// have none. Frames carry the driver's time. A slow caller misses frames and gets the newest.
//
// If a camera that has worked is unplugged or stops, udpcam looks for it until it is back: at its old path, and by its
// name, because the path may change.
type v4l2Camera struct {
	path string // "" for the first that works
	o    Options

	devices func() []string
	open    func(path string) (videoDevice, error)
}

// newV4L2 returns the source for "v4l2:" + rest: a path, a camera's number, or nothing for the first camera that works.
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
	o.rotatesRaw = true
	if rest != "" {
		device, err := v4l2.Open(rest)
		if err != nil && !errors.Is(err, v4l2.ErrBusy) { // a busy camera may be free when it is started
			return nil, explainCamera(rest, err)
		} else if err == nil {
			device.Close()
		}
	}
	open := func(path string) (videoDevice, error) { return v4l2.Open(path) }
	return &v4l2Camera{path: rest, o: o, devices: v4l2.Paths, open: open}, nil
}

func (c *v4l2Camera) OnDemand() bool { return true }

func (c *v4l2Camera) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, c.o, c.play)
}

func (c *v4l2Camera) play(ctx context.Context, emit emitter) error {
	var known *v4l2.Info // the camera, once it has worked
	state := &changes{log: c.o.Log, name: cmp.Or(c.path, "v4l2:")}
	for {
		camera, err := c.start(ctx, known)
		if err == nil {
			info := camera.device.Info()
			known, state.name = &info, info.Path
			err = camera.follow(ctx, state, emit)
			camera.device.Close()
		}
		if known == nil || ctx.Err() != nil || err == errStopped || isFinal(err) {
			return err
		}
		state.note(slog.LevelWarn, "camera is away, waiting for it", err)
		if err := sleep(ctx, lookAgain); err != nil {
			return err
		}
	}
}

// isFinal reports whether waiting cannot fix an error.
func isFinal(err error) bool { return errors.Is(err, ErrOption) || errors.Is(err, mjpeg.ErrRotate) }

// start returns the first camera that works. If a camera has worked before, only that one counts.
func (c *v4l2Camera) start(ctx context.Context, known *v4l2.Info) (*liveCamera, error) {
	if known == nil && c.path != "" {
		return c.try(ctx, c.path, silence, nil)
	}
	candidates := c.devices()
	if known != nil {
		candidates = append([]string{known.Path}, candidates...)
	}
	var first error
	for _, path := range candidates {
		camera, err := c.try(ctx, path, firstPicture, known)
		if err == nil || isFinal(err) || ctx.Err() != nil {
			return camera, err
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
	errNoCameras = errors.New("this machine has no camera that V4L2 knows; --source test: needs none")
	errAnother   = errors.New("another camera")
)

// try opens a camera and waits for its first picture. If a camera has worked before, only that one counts.
func (c *v4l2Camera) try(ctx context.Context, path string, patience time.Duration, known *v4l2.Info) (*liveCamera, error) {
	device, err := c.open(path)
	if err == nil {
		var camera *liveCamera
		if info := device.Info(); known != nil && (info.Name != known.Name || info.Driver != known.Driver) {
			err = errAnother
		} else if camera, err = startCamera(ctx, device, c.o, patience); err == nil {
			return camera, nil
		}
		device.Close()
	}
	if known != nil { // then the camera is away, and the reason does not matter yet
		return nil, err
	}
	return nil, explainCamera(path, err)
}
