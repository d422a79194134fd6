// Package tunnel carries the packets of one tun device to another and back, as late and as seldom as a netsim.Path says: what
// netem does, on kernels that do not have it. One thread does all of it, so that a packet waits for nobody.
package tunnel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/internal/netsim"
)

// maxPacket is the largest IPv4 packet, in bytes.
const maxPacket = 1 << 16

// ethernet is what tc counts besides for each packet, in bytes.
const ethernet = 14

// A Tunnel carries packets until it is closed.
type Tunnel struct {
	ends  [2]int // the devices
	mu    sync.Mutex
	paths [2]*netsim.Crossing // guarded by mu
	wake  int                 // an eventfd by which Close tells the thread to end
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

// SetPath changes the path each way: see [netsim.Crossing.SetPath].
func (t *Tunnel) SetPath(p netsim.Path) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.paths {
		c.SetPath(time.Now(), p)
	}
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
		t.take()
		for t.deliver() {
			t.take()
		}
		var used unix.Rusage
		if unix.Getrusage(unix.RUSAGE_THREAD, &used) == nil {
			t.cpu.Store(used.Utime.Nano() + used.Stime.Nano() - began.Utime.Nano() - began.Stime.Nano())
		}
	}
}

// mostAtOnce is how many packets are taken from one end before one may be handed over: few enough that a machine that
// sends without end does not make those late that are on their way.
const mostAtOnce = 16

// take takes packets that wait at both ends. Until it has them they wait in the devices' own queues, which are longer than
// those of the network that is emulated: so this comes first, and between any two packets that are handed over.
func (t *Tunnel) take() {
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

// send puts a packet on its way from one end.
func (t *Tunnel) send(end int, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := t.paths[end]
	arrivals, _ := path.CrossPacket(time.Now(), len(b)+ethernet)
	for _, at := range arrivals {
		copied := append([]byte(nil), b...)
		path.Mangle(copied)
		t.flight.Put(at, packet{1 - end, copied})
	}
}

// deliver hands over the next packet if its time has come. It reports false if there is none.
func (t *Tunnel) deliver() bool {
	p, ok := t.flight.Due(time.Now())
	if ok {
		unix.Write(t.ends[p.to], p.bytes) // what the kernel does not take is lost, as on any network
	}
	return ok
}

// A packet is under way.
type packet struct {
	to    int // the end
	bytes []byte
}
