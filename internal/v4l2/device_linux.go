//go:build 386 || amd64 || arm || arm64 || loong64 || riscv64

package v4l2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Supported reports whether this system has Video4Linux2.
const Supported = true

// A Device is an open camera.
type Device struct {
	fd      int
	info    Info
	kind    uint32 // of its buffers: videoCapture, or planarCapture if it has no other
	buffers [][]byte

	ctx  context.Context // of Start
	held int             // the buffer that the caller reads, -1 if none

	file  *os.File // fd in Go's poller, from the first picture on
	plain bool     // the poller is not to be used
}

// Open opens the camera at a path, such as /dev/video0. Until it is started others can use it too. The errors are
// ErrNoCamera, ErrBusy, ErrSystem, or those of package os.
func Open(path string) (*Device, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, meaning("open", path, err)
	}
	d := &Device{fd: fd, held: -1}
	var c kernelCapability
	if err := ioctl(fd, queryCapability, &c); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", path, ErrNoCamera)
	}
	d.info = Info{Path: path, Name: text(c.card[:]), Driver: text(c.driver[:]), Bus: text(c.bus[:])}
	caps := c.caps
	if caps&capLocal != 0 {
		caps = c.local
	}
	switch {
	case caps&capStreaming != 0 && caps&videoCapture != 0:
		d.kind = videoCapture
	case caps&capStreaming != 0 && caps&capPlanarCapture != 0:
		d.kind = planarCapture
	default:
		unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", path, ErrNoCamera)
	}
	return d, nil
}

// Info returns what the device says of itself.
func (d *Device) Info() Info { return d.info }

// Close closes the device. The memory of its pictures is gone.
func (d *Device) Close() error {
	ioctl(d.fd, streamOff, &d.kind) // must come first: the driver writes into the buffers until then
	for _, b := range d.buffers {
		unix.Munmap(b)
	}
	d.buffers = nil
	if d.file != nil {
		return d.file.Close()
	}
	return unix.Close(d.fd)
}

// Start begins to take pictures, with this number of buffers, unless the driver insists on another. Taking pictures ends
// when ctx is done. Start must be called once. The error is ErrBusy if another program takes pictures.
func (d *Device) Start(ctx context.Context, buffers int) error {
	r := kernelBufferRequest{count: uint32(buffers), kind: d.kind, memory: memoryMapped}
	if err := ioctl(d.fd, requestBuffers, &r); err != nil {
		return meaning("start", d.info.Path, err)
	}
	for i := range r.count {
		b := kernelBuffer{kernelBufferHead: kernelBufferHead{index: i}}
		if _, err := d.exchange(queryBuffer, &b); err != nil {
			return meaning("start", d.info.Path, err)
		}
		mapped, err := unix.Mmap(d.fd, int64(uint32(b.offset)), int(b.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return meaning("map the pictures of", d.info.Path, err)
		}
		d.buffers = append(d.buffers, mapped)
		if err := d.enqueue(int(i)); err != nil {
			return meaning("start", d.info.Path, err)
		}
	}
	if err := ioctl(d.fd, streamOn, &d.kind); err != nil {
		return meaning("start", d.info.Path, err)
	}
	d.ctx = ctx
	return nil
}

// Next gives back the last picture and returns the newest one. If there is none yet, it waits, but no longer than patience.
// The errors are ctx's, ErrGone, ErrSilent, or something that the driver reports.
func (d *Device) Next(patience time.Duration) (p Picture, err error) {
	if d.held >= 0 {
		if err := d.enqueue(d.held); err != nil {
			return p, meaning("read", d.info.Path, err)
		}
		d.held = -1
	}
	for deadline := time.Now().Add(patience); d.held < 0; {
		left := time.Until(deadline)
		switch {
		case d.ctx.Err() != nil:
			return p, context.Cause(d.ctx)
		case left <= 0:
			return p, meaning("read", d.info.Path, ErrSilent)
		case d.plain || d.file == nil:
			err = d.poll(min(left, glance), &p)
		default:
			err = d.await(min(left, glance), &p)
		}
		if err != nil {
			return p, meaning("read", d.info.Path, err)
		}
	}
	if d.file == nil {
		d.file = os.NewFile(uintptr(d.fd), d.info.Path)
	}
	return p, nil
}

// glance is how long Next waits at a time, for a picture or for its context to be done.
const glance = 200 * time.Millisecond

// poll waits with poll(2) for a picture, and drains it. It is used for the first picture: if Go's poller gets the device
// too early, it waits as for a device that uses read(2). It is also used for devices that do not wake Go's poller reliably.
func (d *Device) poll(patience time.Duration, p *Picture) error {
	events := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(events, int(patience/time.Millisecond)+1)
	if err == unix.EINTR || err == nil && n == 0 {
		return nil
	} else if err != nil {
		return err
	}
	err = d.drain(p)
	if err == nil && d.held < 0 && p.Damaged == 0 && events[0].Revents&unix.POLLERR != 0 {
		return unix.EIO
	}
	return err
}

// await waits with Go's poller for a picture, and drains it. A thread in poll(2) would keep Go's monitor thread awake,
// which costs more than all else here. Some drivers miss a wake-up: v4l2loopback does if a picture was there when the
// poller got the device. So await looks by itself at the end. If it finds a picture, the poller is not used any more.
func (d *Device) await(patience time.Duration, p *Picture) error {
	raw, err := d.file.SyscallConn()
	if err == nil {
		err = d.file.SetReadDeadline(time.Now().Add(patience))
	}
	if err != nil { // Go's poller cannot have it
		d.plain = true
		return nil
	}
	var failed error
	err = raw.Read(func(uintptr) bool {
		failed = d.drain(p)
		return failed != nil || d.held >= 0
	})
	if err == nil || failed != nil {
		return failed
	}
	if d.plain = !errors.Is(err, os.ErrDeadlineExceeded); !d.plain {
		failed = d.drain(p)
		d.plain = d.held >= 0
	}
	return failed
}

// drain takes the newest of the pictures that there are, if there is any.
func (d *Device) drain(p *Picture) error {
	for {
		var b kernelBuffer
		begin, err := d.exchange(dequeueBuffer, &b)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err != nil:
			return err
		case int(b.index) >= len(d.buffers):
			return fmt.Errorf("the driver has filled buffer %d of %d", b.index, len(d.buffers))
		}
		if b.flags&flagDamaged != 0 {
			p.Damaged++
			if err := d.enqueue(int(b.index)); err != nil {
				return err
			}
			continue
		}
		if d.held >= 0 {
			p.Stale++
			if err := d.enqueue(d.held); err != nil {
				return err
			}
		}
		d.held = int(b.index)
		memory := d.buffers[b.index]
		used := min(int(b.used), len(memory))
		p.Data = memory[min(int(begin), used):used]
		p.Sequence = b.sequence
		p.Captured = captured(&b)
	}
}

func (d *Device) enqueue(index int) error {
	b := kernelBuffer{kernelBufferHead: kernelBufferHead{index: uint32(index)}}
	_, err := d.exchange(enqueueBuffer, &b)
	return err
}

// oldest is the greatest age of a picture that is plausible. If a picture seems older, its time is wrong.
const oldest = 10 * time.Second

// captured is when the driver took a picture. Without a time of the monotonic clock, it is now.
func captured(b *kernelBuffer) time.Time {
	now := time.Now()
	var clock unix.Timespec
	if b.flags&flagTimeMask != flagTimeMonotonic || unix.ClockGettime(unix.CLOCK_MONOTONIC, &clock) != nil {
		return now
	}
	age := time.Duration(clock.Nano() - b.timestamp.Nano())
	if age < 0 || age > oldest {
		return now
	}
	return now.Add(-age)
}

// Group is the name of the group that may open a device, "" if it cannot be told.
func Group(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return ""
	}
	group, err := user.LookupGroupId(strconv.FormatUint(uint64(st.Gid), 10))
	if err != nil {
		return ""
	}
	return group.Name
}

// meaning turns the error of a system call into one of this package or of package os.
func meaning(what, path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%s: %w", path, ErrBusy)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("%s: %w", path, ErrGone)
	}
	return &os.PathError{Op: what, Path: path, Err: err}
}
