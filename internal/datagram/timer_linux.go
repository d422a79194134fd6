package datagram

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"udpcam/internal/rawfd"
)

// A timer is a timerfd(2), which Go's poller waits for like for any file. Go's own timers have two drawbacks: in an idle
// program the poller waits for them in whole milliseconds, and setting one wakes a thread. Setting this one is one system
// call.
type timer struct {
	file  *os.File
	raw   syscall.RawConn
	spec  unix.ItimerSpec
	apply func(fd uintptr)
	times [8]byte // how often it has fired
	await *rawfd.Call
}

func newTimer() (*timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	t := &timer{file: os.NewFile(uintptr(fd), "timer")}
	if t.raw, err = t.file.SyscallConn(); err != nil {
		t.file.Close()
		return nil, err
	}
	t.apply = func(fd uintptr) {
		unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&t.spec)), 0, 0, 0)
	}
	t.await = rawfd.Reading(t.raw, func(fd uintptr) (uintptr, syscall.Errno) {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&t.times)), uintptr(len(t.times)))
		return n, errno
	})
	return t, nil
}

// set has the timer fire once, after d, or not at all if d is 0. What it was set to before no longer counts.
func (t *timer) set(d time.Duration) error {
	t.spec.Value = unix.NsecToTimespec(d.Nanoseconds())
	return t.raw.Control(t.apply)
}

// wait waits until the timer has fired. An error says that it was closed.
func (t *timer) wait() error {
	_, err := t.await.Do()
	return err
}

func (t *timer) close() error { return t.file.Close() }
