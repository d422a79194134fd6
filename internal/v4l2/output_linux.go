//go:build 386 || amd64 || arm || arm64 || loong64 || riscv64

package v4l2

import (
	"errors"
	"fmt"
	"image"

	"golang.org/x/sys/unix"
)

// An Output is an open device that pictures are written to, as one of v4l2loopback, which other programs then read as a
// camera. It is for one goroutine.
type Output struct {
	fd   int
	info Info
	room int // how many bytes a picture may have
}

// OpenOutput opens the device at a path, such as /dev/video9. The errors are ErrNoOutput, ErrBusy, ErrSystem, or those of
// package os.
func OpenOutput(path string) (*Output, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, meaning("open", path, err)
	}
	var c kernelCapability
	err = ioctl(fd, queryCapability, &c)
	caps := c.caps
	if caps&capLocal != 0 {
		caps = c.local
	}
	o := &Output{fd: fd, info: Info{Path: path, Name: text(c.card[:]), Driver: text(c.driver[:]), Bus: text(c.bus[:])}}
	switch {
	case err == nil && caps&videoOutput != 0 && caps&capReadWrite != 0:
		return o, nil
	case err == nil && o.info.Driver == "v4l2 loopback":
		// One with exclusive_caps=1 is no output while it has a writer. Version 0.12 stays so if its last one did not STREAMON.
		if User(path) == "" {
			return o, nil
		}
		err = ErrBusy
	default:
		err = ErrNoOutput
	}
	unix.Close(fd)
	return nil, fmt.Errorf("%s: %w", path, err)
}

// Info returns what the device says of itself.
func (o *Output) Info() Info { return o.info }

// Configure asks for the format and size of the pictures that will be written, and returns those that the device has chosen:
// it may keep those of an earlier writer while programs read. The error is ErrBusy if another program writes.
func (o *Output) Configure(want Mode) (got Mode, err error) {
	f := kernelFormat{kind: outputBuffers}
	f.pix = kernelPixels{width: uint32(want.Size.X), height: uint32(want.Size.Y), code: uint32(want.Code),
		field: fieldNone, colorspace: colorBT601, quantization: rangeLimited}
	if want.FullRange {
		f.pix.colorspace, f.pix.quantization = colorJPEG, rangeFull
	}
	if err := ioctl(o.fd, setFormat, &f); err != nil {
		return got, meaning("configure", o.info.Path, err)
	}
	o.room = int(f.pix.size)
	// v4l2loopback 0.12 takes only a program that does this for a writer, and is an output again when that one closes it. Other
	// drivers want buffers first, and refuse: to them the first Write is enough.
	kind := uint32(outputBuffers)
	ioctl(o.fd, streamOn, &kind)
	return Mode{Code: FourCC(f.pix.code), Size: image.Pt(int(f.pix.width), int(f.pix.height)), Stride: int(f.pix.stride)}, nil
}

// Write hands the device a picture, which is the caller's again when Write returns. If the device has no room for it yet, it
// is left out. The errors are ErrRoom, ErrBusy, ErrGone, or something that the driver reports.
func (o *Output) Write(picture []byte) error {
	if len(picture) > o.room {
		return ErrRoom
	}
	for {
		_, err := unix.Write(o.fd, picture)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return nil
		}
		return meaning("write to", o.info.Path, err)
	}
}

// Close ends the writing. Programs that read get no more pictures.
func (o *Output) Close() error { return unix.Close(o.fd) }

const (
	outputBuffers = 2 // V4L2_BUF_TYPE_VIDEO_OUTPUT
	videoOutput   = 2 // V4L2_CAP_VIDEO_OUTPUT
	capReadWrite  = 0x01000000
	fieldNone     = 1 // V4L2_FIELD_NONE: pictures are not interlaced
	colorBT601    = 1 // V4L2_COLORSPACE_SMPTE170M
)
