package rawfd

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// A Call is a system call that one goroutine makes again and again. If the file is not ready, the goroutine waits. A call
// allocates nothing.
type Call struct {
	wait    func(attempt func(fd uintptr) bool) error
	attempt func(fd uintptr) bool
	n       uintptr
	errno   syscall.Errno
}

// Reading returns a call that waits, while the system says EAGAIN, until the file has something to read. The function
// makes the system call, by RawSyscall, on a file that does not block.
func Reading(raw syscall.RawConn, f func(fd uintptr) (n uintptr, errno syscall.Errno)) *Call {
	return newCall(raw.Read, f)
}

// Writing is the same for a call that waits until the file takes more.
func Writing(raw syscall.RawConn, f func(fd uintptr) (n uintptr, errno syscall.Errno)) *Call {
	return newCall(raw.Write, f)
}

func newCall(wait func(func(uintptr) bool) error, f func(fd uintptr) (uintptr, syscall.Errno)) *Call {
	c := &Call{wait: wait}
	c.attempt = func(fd uintptr) bool {
		c.n, c.errno = f(fd)
		for c.errno == unix.EINTR {
			c.n, c.errno = f(fd)
		}
		return c.errno != unix.EAGAIN
	}
	return c
}

// Do makes the call and returns its result. The error is a syscall.Errno, or an error of the RawConn: that the file is
// closed, or os.ErrDeadlineExceeded.
func (c *Call) Do() (n int, err error) {
	if err := c.wait(c.attempt); err != nil {
		return 0, err
	}
	if c.errno != 0 {
		return 0, c.errno
	}
	return int(c.n), nil
}
