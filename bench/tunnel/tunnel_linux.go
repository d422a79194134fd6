// Package tunnel carries the packets of one tun device to another and back, as late and as seldom as a netsim.Path says: what
// netem does, on kernels that do not have it. One thread does all of it, so that a packet waits for nobody.
package tunnel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/protocol/netsim"
)

// maxPacket is the largest IPv4 packet, in bytes.
const maxPacket = 1 << 16

// ethernet is what tc counts besides for each packet, in bytes.
const ethernet = 14

// A Tunnel carries packets until it is closed.
type Tunnel struct {
	ends  [2]int // the devices
	paths [2]*netsim.Crossing
	wake  int // an eventfd by which Close tells the thread to end
	done  sync.WaitGroup

	flight netsim.Schedule[packet]
	buffer [maxPacket]byte
	cpu    atomic.Int64 // nanoseconds
}

// CPU is how much CPU time the tunnel has taken so far.
func (t *Tunnel) CPU() time.Duration { return time.Duration(t.cpu.Load()) }

// New begins to carry packets between two devices that are open for non-blocking reading and writing and become the
// tunnel's, along such a path each way.
func New(a, b int, p netsim.Path, seed uint64) (*Tunnel, error) {
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(a)
		unix.Close(b)
		return nil, err
	}
	t := &Tunnel{ends: [2]int{a, b}, wake: wake}
	for i := range t.paths {
		t.paths[i] = netsim.NewCrossing(p, seed, uint64(i)+1)
	}
	t.done.Go(t.run)
	return t, nil
}

// Close ends the tunnel; what is under way is lost.
func (t *Tunnel) Close() {
	unix.Write(t.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	t.done.Wait()
	for _, fd := range append(t.ends[:], t.wake) {
		unix.Close(fd)
	}
}

func (t *Tunnel) run() {
	runtime.LockOSThread() // which sleeps in ppoll, to the microsecond; Go's own timers round up to a millisecond
	defer runtime.UnlockOSThread()
	var began unix.Rusage
	unix.Getrusage(unix.RUSAGE_THREAD, &began)
	for {
		fds := []unix.PollFd{{Fd: int32(t.ends[0]), Events: unix.POLLIN}, {Fd: int32(t.ends[1]), Events: unix.POLLIN},
			{Fd: int32(t.wake), Events: unix.POLLIN}}
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
		for i := range t.ends {
			if fds[i].Revents&unix.POLLIN != 0 {
				t.take(i)
			}
		}
		t.deliver()
		var used unix.Rusage
		if unix.Getrusage(unix.RUSAGE_THREAD, &used) == nil {
			t.cpu.Store(used.Utime.Nano() + used.Stime.Nano() - began.Utime.Nano() - began.Stime.Nano())
		}
	}
}

// take takes the packets that wait at one end.
func (t *Tunnel) take(end int) {
	for {
		n, err := unix.Read(t.ends[end], t.buffer[:])
		if err != nil || n == 0 {
			return
		}
		path := t.paths[end]
		arrivals, _ := path.CrossPacket(time.Now(), n+ethernet)
		for _, at := range arrivals {
			b := append([]byte(nil), t.buffer[:n]...)
			path.Mangle(b)
			t.flight.Put(at, packet{1 - end, b})
		}
		t.deliver()
	}
}

// deliver hands over the packets whose time has come.
func (t *Tunnel) deliver() {
	for p, ok := t.flight.Due(time.Now()); ok; p, ok = t.flight.Due(time.Now()) {
		unix.Write(t.ends[p.to], p.bytes) // what the kernel does not take is lost, as on any network
	}
}

// A packet is under way.
type packet struct {
	to    int // the end
	bytes []byte
}
