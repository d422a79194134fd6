//go:build 386 || amd64 || arm || arm64 || loong64 || riscv64

package v4l2

import (
	"strings"
	"unicode"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures of linux/videodev2.h that are used here, field for field. Their sizes are part of the requests' numbers;
// TestKernelLayout compares them with C's.

type kernelCapability struct {
	driver         [16]byte
	card, bus      [32]byte
	_, caps, local uint32 // local are the capabilities of this node, caps those of the whole device
	_              [3]uint32
}

type kernelFormatDescription struct {
	index, kind, _ uint32
	description    [32]byte
	code, _        uint32
	_              [3]uint32
}

type kernelFrameSize struct {
	index, code, kind                    uint32
	minX, maxX, stepX, minY, maxY, stepY uint32 // of one size: width in minX and height in maxX
	_                                    [2]uint32
}

type fraction struct{ numerator, denominator uint32 }

type kernelFrameInterval struct {
	index, code, width, height, kind uint32
	min, max, _                      fraction // of one interval: in min
	_                                [2]uint32
}

type kernelPixels struct {
	width, height, code, field, stride, size, colorspace, _, _, _, quantization, _ uint32
}

type kernelFormat struct {
	kind uint32
	_    [0]uintptr // the union has pointers in it
	pix  kernelPixels
	_    [200 - 48]byte
}

type kernelStreamParameters struct {
	kind, capability, _ uint32
	interval            fraction
	_                   [200 - 16]byte
}

type kernelBufferRequest struct {
	count, kind, memory, _ uint32
	_                      [4]byte
}

type kernelBuffer struct {
	kernelBufferHead
	offset       uintptr // a union: 32 bits, or a pointer
	length, _, _ uint32
}

type kernelBufferHead struct {
	index, kind, used, flags, _ uint32
	timestamp                   unix.Timeval
	_                           [16]byte // time code
	sequence, memory            uint32
}

type kernelControl struct {
	id, kind       uint32
	name           [32]byte
	min, max       int64
	step           uint64
	standard       int64
	flags          uint32
	_, elements, _ uint32
	_              [4]uint32
	_              [32]uint32
}

type kernelMenuItem struct {
	id, index uint32
	name      [32]byte // or, in an integer menu, 8 bytes of the value; the structure is packed
	_         uint32
}

type kernelControlValue struct {
	id, _, _ uint32
	value    [8]byte // 32 or 64 bits, or a pointer; the structure is packed
}

type kernelControlValues struct {
	_, count, _ uint32
	_           int32
	_           uint32
	values      *kernelControlValue
}

const (
	videoCapture = 1 // V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE
	memoryMapped = 1 // V4L2_MEMORY_MMAP
	fieldAny     = 0 // V4L2_FIELD_ANY: with both fields in one picture where there are fields

	capStreaming = 0x04000000
	capLocal     = 0x80000000 // V4L2_CAP_DEVICE_CAPS

	flagDamaged       = 0x40 // V4L2_BUF_FLAG_ERROR
	flagTimeMask      = 0xE000
	flagTimeMonotonic = 0x2000

	oneSize, oneInterval = 1, 1 // V4L2_FRMSIZE_TYPE_DISCRETE, V4L2_FRMIVAL_TYPE_DISCRETE

	canSetInterval = 0x1000 // V4L2_CAP_TIMEPERFRAME

	colorJPEG               = 7 // V4L2_COLORSPACE_JPEG, which has the full range
	rangeFull, rangeLimited = 1, 2

	nextControl     = 0x80000000 // V4L2_CTRL_FLAG_NEXT_CTRL
	controlDisabled = 0x01
	controlReadOnly = 0x04
	controlInactive = 0x10
	controlWrite    = 0x40
)

var (
	queryCapability  = request(read, 0, unsafe.Sizeof(kernelCapability{}))
	enumFormats      = request(read|write, 2, unsafe.Sizeof(kernelFormatDescription{}))
	getFormat        = request(read|write, 4, unsafe.Sizeof(kernelFormat{}))
	setFormat        = request(read|write, 5, unsafe.Sizeof(kernelFormat{}))
	requestBuffers   = request(read|write, 8, unsafe.Sizeof(kernelBufferRequest{}))
	queryBuffer      = request(read|write, 9, unsafe.Sizeof(kernelBuffer{}))
	enqueueBuffer    = request(read|write, 15, unsafe.Sizeof(kernelBuffer{}))
	dequeueBuffer    = request(read|write, 17, unsafe.Sizeof(kernelBuffer{}))
	streamOn         = request(write, 18, 4)
	streamOff        = request(write, 19, 4)
	getParameters    = request(read|write, 21, unsafe.Sizeof(kernelStreamParameters{}))
	setParameters    = request(read|write, 22, unsafe.Sizeof(kernelStreamParameters{}))
	queryMenu        = request(read|write, 37, unsafe.Sizeof(kernelMenuItem{}))
	tryFormat        = request(read|write, 64, unsafe.Sizeof(kernelFormat{}))
	getControls      = request(read|write, 71, unsafe.Sizeof(kernelControlValues{}))
	setControls      = request(read|write, 72, unsafe.Sizeof(kernelControlValues{}))
	enumFrameSizes   = request(read|write, 74, unsafe.Sizeof(kernelFrameSize{}))
	enumIntervals    = request(read|write, 75, unsafe.Sizeof(kernelFrameInterval{}))
	queryExtControls = request(read|write, 103, unsafe.Sizeof(kernelControl{}))
)

const write, read = 1, 2

// request makes an ioctl's number as asm-generic/ioctl.h does.
func request(direction, number, size uintptr) uintptr {
	return direction<<30 | size<<16 | 'V'<<8 | number
}

// ioctl makes a request of a device. The error is a unix.Errno.
func ioctl[T any](fd int, request uintptr, argument *T) error {
	errno := unix.EINTR
	for errno == unix.EINTR {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(argument)))
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// quickly makes a request that takes no time. It does not tell Go's scheduler: the scheduler would wake the monitor thread
// for each picture.
func quickly[T any](fd int, request uintptr, argument *T) error {
	errno := unix.EINTR
	for errno == unix.EINTR {
		_, _, errno = unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(argument)))
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// text returns a zero-terminated string, without characters that could disturb a terminal: some strings come from the
// camera.
func text(b []byte) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(unix.ByteSliceToString(b)))
}
