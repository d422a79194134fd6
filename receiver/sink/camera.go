package sink

import (
	"errors"
	"fmt"
	"image"
	"io/fs"
	"strings"
	"sync"
	"time"

	"udpcam/internal/v4l2"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

const (
	// repeatAfter is how long a camera may be silent before it gets its last picture again. Programs that read a camera take it
	// for broken when nothing comes for a while: the shortest wait of a usual one is a second (Chromium, Firefox).
	repeatAfter = 250 * time.Millisecond
	// settle is how long a camera keeps its format, at least. It stops a stream whose sizes alternate from opening the device
	// with each picture.
	settle = 3 * time.Second
)

// largestCamera is the largest picture that a camera gets, a little more than 4K. Larger ones are made smaller. v4l2loopback
// holds up to 32 pictures of four bytes a pixel in the kernel's memory, and few programs take a camera with more pixels.
var largestCamera = image.Pt(4096, 2304)

// A cameraDevice is a *v4l2.Output, or a fake in tests.
type cameraDevice interface {
	Configure(v4l2.Mode) (v4l2.Mode, error)
	Write(picture []byte) error
	Close() error
}

// A camera is a device of v4l2loopback, which other programs read as a camera of this machine.
//
//	YUYV: JPEG ──> decoded ──> fitted, if its size is not the device's ──> YUYV ──> one write
//	MJPG: JPEG ──────────────────────────────────────────────────────────────────> one write
//	        └────> decoded ──> fitted, if its size is not the device's ──> JPEG ─────┘
//
// The first picture decides the device's size. If later ones have another size, the device is opened again for it. It takes
// the new size only if no program reads it, because readers expect all pictures to be of one size. Until then pictures are
// scaled to the device's size, between black bars.
type camera struct {
	path string
	o    Options
	open func(path string) (cameraDevice, error)

	mu       sync.Mutex
	device   cameraDevice // nil once closed
	mode     v4l2.Mode    // what the device has chosen
	settled  time.Time    // when that was
	refused  v4l2.Mode    // what it has not, as the log says
	drawing  cameraCanvas
	last     []byte // what was last written
	repeater *time.Timer
}

// IsCamera reports whether [Open] takes a name for that of a camera: v4l2:/dev/video9, v4l2:9 or /dev/video9.
func IsCamera(name string) bool {
	return strings.HasPrefix(name, "v4l2:") || strings.HasPrefix(name, "/dev/video")
}

func openCamera(name string, o Options) (Sink, error) {
	path := strings.TrimPrefix(name, "v4l2:")
	if path != "" && strings.Trim(path, "0123456789") == "" {
		path = "/dev/video" + path
	}
	c := &camera{path: path, o: o, open: func(path string) (cameraDevice, error) { return v4l2.OpenOutput(path) }}
	return c.start()
}

func (c *camera) start() (s *camera, err error) {
	if c.path == "" {
		return nil, fmt.Errorf("%w: which device? name it, such as v4l2:/dev/video9", ErrUnknown)
	}
	if c.device, err = c.open(c.path); err != nil {
		return nil, explainDevice(c.path, err)
	}
	c.drawing.decoder.MaxPixels = c.o.MaxPixels
	c.repeater = time.AfterFunc(time.Hour, c.repeat)
	c.repeater.Stop()
	return c, nil
}

func (c *camera) Put(f protocol.Frame) error {
	if reason := c.o.undecodable(f.JPEG); reason != "" {
		c.o.skip(reason)
		return nil
	}
	size, _ := mjpeg.Size(f.JPEG)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.configure(size, time.Now()); err != nil {
		return explainDevice(c.path, err)
	}
	picture := f.JPEG
	if c.mode.Code == codeYUYV || size != c.mode.Size {
		var err error
		picture, err = c.drawing.draw(f.JPEG, c.mode)
		switch {
		case errors.Is(err, mjpeg.ErrTooLarge):
			c.o.skip(SkipHuge)
			return nil
		case err != nil:
			c.o.skip(SkipDamaged)
			return nil
		}
	}
	c.last = append(c.last[:0], picture...)
	c.repeater.Reset(repeatAfter)
	switch err := c.device.Write(picture); {
	case errors.Is(err, v4l2.ErrRoom):
		c.o.skip(SkipHuge)
	case err != nil:
		return explainDevice(c.path, err)
	}
	return nil
}

// configure makes the device ready for pictures of a size. c.mu is held.
func (c *camera) configure(size image.Point, now time.Time) (err error) {
	if size.X > largestCamera.X || size.Y > largestCamera.Y {
		size = fitted(size, largestCamera)
	}
	want := v4l2.Mode{Code: codeYUYV, Size: image.Pt(max(2, size.X&^1), size.Y)} // two pixels of YUYV share their colour
	if c.o.CameraMJPEG {
		want = v4l2.Mode{Code: codeMJPEG, Size: size, FullRange: true}
	}
	first := c.settled.IsZero()
	if c.device == nil || !first && (want.Code == c.mode.Code && want.Size == c.mode.Size || now.Sub(c.settled) < settle) {
		return nil
	}
	if !first {
		c.device.Close()
		if c.device, err = c.open(c.path); err != nil {
			c.device = closedCamera{}
			return err
		}
	}
	mode, err := c.device.Configure(want)
	if err == nil && mode.Code != codeYUYV && mode.Code != codeMJPEG {
		err = fmt.Errorf("programs read it as %v, so that it cannot be %v: close those programs first", mode.Code, want.Code)
	}
	if err != nil {
		return err
	}
	if mode != c.mode {
		c.o.log("a camera for other programs", "device", c.path, "mode", mode)
	}
	if (mode.Code != want.Code || mode.Size != want.Size) && want != c.refused {
		c.refused = want
		c.o.log("the camera keeps its format while programs read it: pictures are fitted in", "device", c.path, "mode", mode,
			"pictures", want)
	}
	c.mode, c.settled = mode, now
	return nil
}

// repeat writes the last picture again.
func (c *camera) repeat() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.device != nil && c.device.Write(c.last) == nil {
		c.repeater.Reset(repeatAfter)
	} // else Put will find out what is wrong
}

func (c *camera) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.repeater.Stop()
	if c.device == nil {
		return nil
	}
	err := c.device.Close()
	c.device = nil
	return err
}

func (c *camera) live() bool { return true }

// again opens the device again, for a Queue.
func (c *camera) again() (Sink, error) { return (&camera{path: c.path, o: c.o, open: c.open}).start() }

// closedCamera is a device that could not be opened again.
type closedCamera struct{}

func (closedCamera) Configure(v4l2.Mode) (v4l2.Mode, error) { return v4l2.Mode{}, v4l2.ErrGone }
func (closedCamera) Write([]byte) error                     { return v4l2.ErrGone }
func (closedCamera) Close() error                           { return nil }

// explainDevice says what to do if a device takes no pictures.
func explainDevice(path string, err error) error {
	number := strings.TrimPrefix(path, "/dev/video")
	if strings.Trim(number, "0123456789") != "" || number == "" {
		number = "9"
	}
	howTo := fmt.Sprintf("make a device for it (on Debian: apt-get install v4l2loopback-dkms): "+
		"sudo modprobe v4l2loopback exclusive_caps=1 video_nr=%s card_label=udpcam", number)
	switch {
	case errors.Is(err, v4l2.ErrSystem):
		return fmt.Errorf("%w: only Linux has devices that other programs read as a camera", ErrUnknown)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s; %s: %w", path, howTo, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		if group := v4l2.Group(path); group != "" && group != "root" {
			return fmt.Errorf("%s is for members of the group %s: sudo usermod -aG %s $USER, then log in again: %w",
				path, group, group, fs.ErrPermission)
		}
		return fmt.Errorf("%s may be opened by root only: %w", path, fs.ErrPermission)
	case errors.Is(err, v4l2.ErrNoOutput):
		return fmt.Errorf("%w, as it may be a camera; %s", err, howTo)
	case errors.Is(err, v4l2.ErrBusy):
		by := v4l2.User(path)
		if by == "" {
			by = "another program"
		}
		return fmt.Errorf("%s takes pictures of one program, and has one; it is open in %s: end that, or use another device: %w",
			path, by, err)
	}
	return fmt.Errorf("cannot write to %s: %w", path, err)
}
