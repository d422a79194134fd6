package netns

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/internal/netsim"
)

// maxPacket is the largest IPv4 packet, in bytes.
const maxPacket = 1 << 16

// A tunnel carries packets between two tun devices, with the delay and loss of a netsim.Path, until it is closed. It
// replaces netem on kernels that lack it. One thread does all the work, so that packets never wait for another thread.
type tunnel struct {
	ends  [2]int // the devices
	mu    sync.Mutex
	paths [2]*netsim.Crossing // guarded by mu
	wake  int                 // an eventfd: close uses it to end the thread
	done  sync.WaitGroup

	flight netsim.Schedule[packet]
	buffer [maxPacket]byte
	cpu    atomic.Int64 // nanoseconds that the thread has used so far
}

// newTunnel starts carrying packets between two devices, along the path p each way. The file descriptors a and b must be
// non-blocking. The tunnel owns them from now on.
func newTunnel(a, b int, p netsim.Path, seed uint64) (*tunnel, error) {
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(a)
		unix.Close(b)
		return nil, err
	}
	t := &tunnel{ends: [2]int{a, b}, wake: wake}
	for i := range t.paths {
		t.paths[i] = netsim.NewCrossing(p, seed, uint64(i)+1)
	}
	t.done.Go(t.run)
	return t, nil
}

// setPath changes the path each way: see [netsim.Crossing.SetPath].
func (t *tunnel) setPath(p netsim.Path) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.paths {
		c.SetPath(time.Now(), p)
	}
}

// close ends the tunnel. Packets under way are lost.
func (t *tunnel) close() {
	unix.Write(t.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	t.done.Wait()
	for _, fd := range append(t.ends[:], t.wake) {
		unix.Close(fd)
	}
}

func (t *tunnel) run() {
	runtime.LockOSThread() // the thread sleeps in ppoll, exact to the microsecond; Go's timers round up to a millisecond
	defer runtime.UnlockOSThread()
	var began unix.Rusage
	unix.Getrusage(unix.RUSAGE_THREAD, &began)
	fds := []unix.PollFd{{Fd: int32(t.ends[0]), Events: unix.POLLIN}, {Fd: int32(t.ends[1]), Events: unix.POLLIN},
		{Fd: int32(t.wake), Events: unix.POLLIN}}
	for {
		var timeout *unix.Timespec
		if at, ok := t.flight.Next(); ok {
			left := unix.NsecToTimespec(max(0, time.Until(at).Nanoseconds()))
			timeout = &left
		}
		if _, err := unix.Ppoll(fds, timeout, nil); err != nil && err != unix.EINTR {
			return
		}
		if fds[2].Revents != 0 {
			return
		}
		for ok := true; ok; ok = t.deliver() {
			t.accept()
		}
		var used unix.Rusage
		if unix.Getrusage(unix.RUSAGE_THREAD, &used) == nil {
			t.cpu.Store(used.Utime.Nano() + used.Stime.Nano() - began.Utime.Nano() - began.Stime.Nano())
		}
	}
}

// mostAtOnce limits how many packets are accepted from one end before the next is delivered. It is small, so that a machine
// that never stops sending does not delay packets already on their way.
const mostAtOnce = 16

// accept reads packets that wait at both ends. The devices' own queues are longer than those of the emulated network, so
// packets must not stay there. Therefore accept runs first, and between any two deliveries.
func (t *tunnel) accept() {
	for end := range t.ends {
		for range mostAtOnce {
			n, err := unix.Read(t.ends[end], t.buffer[:])
			if err != nil || n == 0 {
				break
			}
			t.send(end, t.buffer[:n])
		}
	}
}

// send sends a packet from one end.
func (t *tunnel) send(end int, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := t.paths[end]
	arrivals, _ := path.CrossPacket(time.Now(), len(b)+ethernet)
	for _, at := range arrivals {
		copied := slices.Clone(b)
		path.Mangle(copied)
		t.flight.Put(at, packet{1 - end, copied})
	}
}

// deliver hands over the next packet if it is due. It reports false if none is.
func (t *tunnel) deliver() bool {
	p, ok := t.flight.Due(time.Now())
	if ok {
		unix.Write(t.ends[p.to], p.bytes) // a packet that the kernel refuses is lost, as on any network
	}
	return ok
}

// A packet is under way.
type packet struct {
	to    int // the end
	bytes []byte
}
