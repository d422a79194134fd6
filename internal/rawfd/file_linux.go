package rawfd

import (
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A File reads and writes a file that does not block, which stays its owner's to close. One goroutine may read while
// another writes.
type File struct {
	file    *os.File // keeps it open
	in, out []byte   // what is being read and written
	reading *Call
	writing *Call
}

// New returns a File. The file must have been opened not to block (O_NONBLOCK), or reading and writing would stop other
// goroutines too.
func New(file *os.File) (*File, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	f := &File{file: file}
	f.reading = Reading(raw, func(fd uintptr) (uintptr, syscall.Errno) {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(f.in))), uintptr(len(f.in)))
		return n, errno
	})
	f.writing = Writing(raw, func(fd uintptr) (uintptr, syscall.Errno) {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(f.out))), uintptr(len(f.out)))
		return n, errno
	})
	return f, nil
}

// Read implements [io.Reader].
func (f *File) Read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	f.in = b
	n, err = f.reading.Do()
	f.in = nil
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, named("read", err)
}

// Write implements [io.Writer].
func (f *File) Write(b []byte) (n int, err error) {
	defer func() { f.out = nil }()
	for n < len(b) {
		f.out = b[n:]
		wrote, err := f.writing.Do()
		if err != nil {
			return n, named("write", err)
		}
		if wrote == 0 {
			return n, io.ErrShortWrite
		}
		n += wrote
	}
	return n, nil
}

// named says which system call an error is of.
func named(call string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		return os.NewSyscallError(call, errno)
	}
	return err
}
