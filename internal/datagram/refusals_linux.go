package datagram

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A refusals keeps ICMP errors: nobody listens on the port, or the host does not exist. A UDP socket gets them only if it
// asks (IP_RECVERR, see ip(7)). Then the next call on the socket, send or receive, returns the error and does nothing
// else. refusals repeats that call and keeps the error for the next Send. The zero value, on a socket that has not
// asked, does nothing.
type refusals struct {
	on   bool
	last atomic.Int32 // errno, 0 if there is none
}

// enable asks the kernel to report refusals on the socket.
func (r *refusals) enable(fd int) {
	v4 := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	v6 := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	r.on = v4 == nil || v6 == nil
}

// retry makes a call, and repeats it if it returns such an error. It tries three times at the most: without a network each
// attempt fails in the same way.
func (r *refusals) retry(fd uintptr, call func() (uintptr, syscall.Errno)) (n uintptr, errno syscall.Errno) {
	for range 3 {
		if n, errno = call(); !r.on || !isRefusal(errno) {
			break
		}
		r.last.Store(int32(errno))
		r.drain(fd)
	}
	return n, errno
}

// drain empties the socket's queue of errors, which would fill memory. The queue has no errors that the calls did not
// return.
func (r *refusals) drain(fd uintptr) {
	var b [1]byte
	iovec := unix.Iovec{Base: &b[0]}
	iovec.SetLen(len(b))
	for range 64 {
		header := unix.Msghdr{Iov: &iovec}
		header.SetIovlen(1)
		_, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&header)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if errno != 0 {
			return
		}
	}
}

// claim returns the last error that has not been returned yet, nil if there is none.
func (r *refusals) claim() error {
	if errno := r.last.Swap(0); errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

func isRefusal(errno syscall.Errno) bool {
	return errno == unix.ECONNREFUSED || errno == unix.EHOSTUNREACH || errno == unix.ENETUNREACH
}
