package rawfd

import (
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A File reads and writes a file that does not block. Its owner closes it. One goroutine may read while another writes.
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
	call := func(number uintptr, b *[]byte) func(fd uintptr) (uintptr, syscall.Errno) {
		return func(fd uintptr) (uintptr, syscall.Errno) {
			n, _, errno := unix.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(*b))), uintptr(len(*b)))
			return n, errno
		}
	}
	f.reading = Reading(raw, call(unix.SYS_READ, &f.in))
	f.writing = Writing(raw, call(unix.SYS_WRITE, &f.out))
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
