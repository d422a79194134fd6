package sink

import (
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"udpcam/internal/rawfd"
)

// ownStdout opens standard output, if it is a pipe, once more for this process alone. The new file can be set not to block,
// without changing it for other processes.
func ownStdout() *os.File {
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		if own, err := os.OpenFile("/proc/self/fd/1", os.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
			return own
		}
	}
	return os.Stdout
}

// enlarge lets a pipe hold [pipeSize] bytes, if it can. It returns how many bytes an empty pipe takes without waiting, 0 if
// that is not known.
func enlarge(file *os.File) (size int) {
	control(file, func(fd int) {
		unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, pipeSize)
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err == nil && flags&unix.O_NONBLOCK != 0 {
			size, _ = unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
		}
	})
	return max(0, size)
}

// isEmpty reports whether all that was written to a pipe has been read.
func isEmpty(file *os.File) (empty bool) {
	control(file, func(fd int) {
		var unread int32
		_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCINQ, uintptr(unsafe.Pointer(&unread)))
		empty = errno == 0 && unread == 0
	})
	return empty
}

func control(file *os.File, f func(fd int)) {
	if raw, err := file.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}

// quietly returns a writer to the pipe. If its size is known it does not block, so Go's monitor thread need not watch it.
func quietly(file *os.File, size int) io.Writer {
	quiet, err := rawfd.New(file)
	if size == 0 || err != nil {
		return file
	}
	return quiet
}
