package datagram

import (
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A handle is a socket that Go's network poller does not watch itself, so that a frame wakes as few threads as it can.
//
//   - The poller has the kernel tell it of every change of what it watches. Of a UDP socket that is each datagram that
//     comes while others are being taken in, and each that has left and made room. A handle has an epoll set of its own
//     watch the socket, for one thing, that there is something to receive, and once, while somebody waits for it
//     (EPOLLONESHOT). Go's poller watches the set, which is a file too.
//   - To set a timer of Go's wakes a thread that is to look after it, and receivers set one for every frame. The
//     deadline here is a timerfd in the set.
//   - To tell Go's scheduler of a system call wakes its monitor thread. What is called here does not block, and is not
//     told of.
//
// It implements [syscall.RawConn].
type handle struct {
	mu    sync.RWMutex // held while the descriptors are in use, so that Close waits
	fd    int          // the socket, -1 once closed
	timer int          // a timerfd
	set   *os.File     // the epoll set of both
	ready syscall.RawConn

	// What a wait needs is kept here, so that none of it is allocated anew.
	events [2]unix.EpollEvent
	fired  int
	awake  func(set uintptr) bool

	timing   sync.Mutex // guards what follows
	deadline time.Time  // of receiving
	applied  time.Time  // what timer is set to
	waiting  bool
}

// newHandle takes over the socket of a conn. The conn is closed.
func newHandle(conn *net.UDPConn) (h *handle, err error) {
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	h = &handle{timer: -1}
	if e := raw.Control(func(fd uintptr) { h.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := h.watch(); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// watch makes the epoll set.
func (h *handle) watch() (err error) {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(set, true); err != nil { // or Go's poller would not watch it
		unix.Close(set)
		return os.NewSyscallError("fcntl", err)
	}
	h.set = os.NewFile(uintptr(set), "epoll")
	if h.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, h.timer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(h.timer)}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, h.fd, &unix.EpollEvent{Events: unix.EPOLLONESHOT}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	h.awake = func(set uintptr) bool {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, set, uintptr(unsafe.Pointer(&h.events)), uintptr(len(h.events)), 0, 0, 0)
		if errno != 0 {
			n = 0
		}
		h.fired = int(n)
		return n > 0
	}
	h.ready, err = h.set.SyscallConn()
	return err
}

// Control implements [syscall.RawConn].
func (h *handle) Control(f func(fd uintptr)) error {
	_, err := h.use(func(fd uintptr) bool { f(fd); return true })
	return err
}

// Read implements [syscall.RawConn]: f is called until it returns true, each time that there is something to receive.
func (h *handle) Read(f func(fd uintptr) bool) error {
	for {
		if done, err := h.use(f); done || err != nil {
			return err
		}
		if err := h.wait(); err != nil {
			return err
		}
	}
}

// Write implements [syscall.RawConn]: f is called until it returns true, each time that the socket takes more, which it
// nearly always does.
func (h *handle) Write(f func(fd uintptr) bool) error {
	for {
		if done, err := h.use(f); done || err != nil {
			return err
		}
		if _, err := h.use(awaitRoom); err != nil {
			return err
		}
	}
}

// awaitRoom waits until a socket takes more, but not for so long that who closes it would notice.
func awaitRoom(fd uintptr) bool {
	unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 20)
	return true
}

// use calls f with the socket. The error is net.ErrClosed.
func (h *handle) use(f func(fd uintptr) bool) (done bool, err error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return false, net.ErrClosed
	}
	return f(uintptr(h.fd)), nil
}

// wait waits until there is something to receive. The error is net.ErrClosed or os.ErrDeadlineExceeded.
func (h *handle) wait() error {
	if err := h.begin(); err != nil {
		return err
	}
	defer h.end()
	if err := h.ready.Read(h.awake); err != nil {
		return net.ErrClosed
	}
	for _, e := range h.events[:h.fired] {
		if e.Fd != int32(h.timer) {
			return nil
		}
	}
	return os.ErrDeadlineExceeded
}

// begin has the set watch the socket, once more, and the time.
func (h *handle) begin() error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return net.ErrClosed
	}
	h.timing.Lock()
	defer h.timing.Unlock()
	if !h.deadline.IsZero() && !time.Now().Before(h.deadline) {
		return os.ErrDeadlineExceeded
	}
	h.waiting = true
	h.setTimer()
	var err error
	if e := h.ready.Control(func(set uintptr) {
		err = unix.EpollCtl(int(set), unix.EPOLL_CTL_MOD, h.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(h.fd)})
	}); e != nil {
		return net.ErrClosed
	}
	return os.NewSyscallError("epoll_ctl", err)
}

func (h *handle) end() {
	h.timing.Lock()
	defer h.timing.Unlock()
	h.waiting = false
}

// SetReadDeadline sets the moment at which Read gives up waiting, also one that waits now.
func (h *handle) SetReadDeadline(t time.Time) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.fd < 0 {
		return net.ErrClosed
	}
	h.timing.Lock()
	defer h.timing.Unlock()
	h.deadline = t
	if h.waiting {
		h.setTimer()
	}
	return nil
}

// setTimer sets the timer to the deadline. What guards either is held.
func (h *handle) setTimer() {
	if h.applied.Equal(h.deadline) {
		return
	}
	h.applied = h.deadline
	var spec unix.ItimerSpec // 0 is never
	if !h.deadline.IsZero() {
		spec.Value = unix.NsecToTimespec(max(1, time.Until(h.deadline).Nanoseconds()))
	}
	unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(h.timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

// Close closes the socket. Whoever waits, or comes later, is told so.
func (h *handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fd < 0 {
		return net.ErrClosed
	}
	if h.set != nil {
		h.set.Close()
	}
	if h.timer >= 0 {
		unix.Close(h.timer)
	}
	err := unix.Close(h.fd)
	h.fd, h.timer = -1, -1
	return os.NewSyscallError("close", err)
}
