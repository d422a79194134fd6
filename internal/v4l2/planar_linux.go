//go:build 386 || amd64 || arm || arm64 || loong64 || riscv64

package v4l2

// Many cameras on a chip have only V4L2's multi-planar interface
// (https://docs.kernel.org/userspace-api/media/v4l/planar-apis.html). It uses other structures than the usual one.
// This file converts between the two, so a Device knows only the usual ones. It handles pictures in one piece of
// memory, such as MJPG, YUYV or NV12. Formats in several pieces (NM12) are left out.

// format makes a request about how pictures are laid out, and returns in how many pieces of memory each of them is.
func (d *Device) format(request uintptr, f *kernelFormat) (planes int, err error) {
	f.kind = d.kind
	if d.kind == videoCapture {
		return 1, ioctl(d.fd, request, f)
	}
	p := kernelPlanarFormat{kind: f.kind, planes: 1}
	p.width, p.height, p.code, p.field, p.colorspace = f.pix.width, f.pix.height, f.pix.code, f.pix.field, f.pix.colorspace
	p.plane[0].size, p.plane[0].stride, p.quantization = f.pix.size, f.pix.stride, uint8(f.pix.quantization)
	err = ioctl(d.fd, request, &p)
	f.pix = kernelPixels{
		width: p.width, height: p.height, code: p.code, field: p.field, colorspace: p.colorspace,
		size: p.plane[0].size, stride: p.plane[0].stride, quantization: uint32(p.quantization),
	}
	return int(p.planes), err
}

// isWhole reports whether a format's pictures are in one piece of memory each, as far as the driver says.
func (d *Device) isWhole(code FourCC) bool {
	if d.kind == videoCapture {
		return true
	}
	var f kernelFormat
	if _, err := d.format(getFormat, &f); err != nil {
		return true
	}
	f.pix.code, f.pix.stride, f.pix.size = uint32(code), 0, 0
	planes, err := d.format(tryFormat, &f)
	return err != nil || f.pix.code != uint32(code) || planes == 1
}

// exchange makes a request about a buffer, which takes no time, and returns where in the buffer its picture begins.
func (d *Device) exchange(request uintptr, b *kernelBuffer) (begin uint32, err error) {
	b.kind, b.memory = d.kind, memoryMapped
	if d.kind == videoCapture {
		return 0, quickly(d.fd, request, b)
	}
	var plane kernelPlane
	p := kernelPlanarBuffer{kernelBufferHead: b.kernelBufferHead, planes: &plane, length: 1}
	if err := quickly(d.fd, request, &p); err != nil {
		return 0, err
	}
	b.kernelBufferHead, b.used = p.kernelBufferHead, plane.used
	b.length, b.offset = plane.length, plane.offset
	return plane.begin, nil
}

type kernelPlanarFormat struct {
	kind                                   uint32
	_                                      [0]uintptr // the union has pointers in it
	width, height, code, field, colorspace uint32
	plane                                  [8]kernelPlaneFormat
	planes, _, _, quantization, _          uint8
	_                                      [7]uint8
	_                                      [200 - 192]byte
}

type kernelPlaneFormat struct {
	size, stride uint32
	_            [6]uint16
}

type kernelPlane struct {
	used, length uint32
	offset       uintptr // a union: 32 bits, or a pointer
	begin        uint32  // of the picture in the plane; used counts from the plane's own beginning
	_            [11]uint32
}

// kernelPlanarBuffer is a kernelBuffer that describes its memory plane by plane.
type kernelPlanarBuffer struct {
	kernelBufferHead
	planes       *kernelPlane
	length, _, _ uint32 // how many planes there is room for
}

const (
	planarCapture    = 9      // V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
	capPlanarCapture = 0x1000 // V4L2_CAP_VIDEO_CAPTURE_MPLANE
)
