package datagram

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"udpcam/internal/rawfd"
	"udpcam/protocol"
)

const (
	// maxTrains is how many trains one call receives: where the kernel joins no datagrams, about a quarter of a frame, so
	// that a frame takes few calls, and what has come by then is looked at while the rest is on its way.
	maxTrains = 16

	// trainRoom is how many bytes are set aside for each: what one may have, of which pages that nobody writes to cost
	// nothing, and the room of a datagram, in whole cache lines. Without it the datagrams that the kernel does not join
	// would lie 64 KiB apart, where caches have the same few places for them all.
	trainRoom = maxReceived + 1 + 1472

	// maxAge is how long a datagram can have waited to be received. Older ones are a wall clock that was set.
	maxAge = 10 * time.Second
)

// A collector receives datagrams by recvmmsg(2).
type collector struct {
	peers   *peers
	dropped atomic.Uint64

	// What a call needs is kept here, so that none of it is allocated anew.
	memory   []byte
	slots    [maxTrains]slot
	headers  [maxTrains]mmsghdr
	trains   [maxTrains]protocol.Batch
	call     *rawfd.Call
	deadline *deadline
}

// A slot is where one train's address and control messages go.
type slot struct {
	name    unix.RawSockaddrInet6
	iovec   unix.Iovec
	control [4]cmsg // what the kernel has to say: see collector.read
}

// mmsghdr is C's struct of that name.
type mmsghdr struct {
	unix.Msghdr
	n uint32 // bytes received
}

func (c *collector) init(raw syscall.RawConn, peers *peers, deadline *deadline, refusals *refusals) {
	c.peers, c.deadline = peers, deadline
	c.memory = make([]byte, maxTrains*trainRoom)
	for i := range c.slots {
		s, h := &c.slots[i], &c.headers[i]
		s.iovec.Base = &c.memory[i*trainRoom]
		s.iovec.SetLen(trainRoom)
		h.Name = (*byte)(unsafe.Pointer(&s.name))
		h.Iov = &s.iovec
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(&s.control))
		h.offer()
	}
	var fd uintptr
	call := func() (uintptr, syscall.Errno) {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&c.headers)), maxTrains, unix.MSG_DONTWAIT, 0, 0)
		return n, errno
	}
	c.call = rawfd.Reading(raw, func(at uintptr) (uintptr, syscall.Errno) {
		fd = at
		n, errno := refusals.retry(fd, call)
		if errno == unix.EAGAIN {
			deadline.begin()
		}
		return n, errno
	})
}

// offer says how much room there is for what the kernel has to say.
func (h *mmsghdr) offer() {
	h.Namelen = unix.SizeofSockaddrInet6
	h.SetControllen(int(unsafe.Sizeof(slot{}.control)))
}

// Receive implements [Conn].
func (s *socket) Receive() ([]protocol.Batch, error) { return s.rx.receive() }

func (c *collector) receive() ([]protocol.Batch, error) {
	got, err := c.call.Do()
	c.deadline.end()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for i := range got {
		h, s, t := &c.headers[i], &c.slots[i], &c.trains[i]
		*t = protocol.Batch{Bytes: c.memory[i*trainRoom:][:h.n], Size: int(h.n), From: s.from(), At: now}
		c.read(s.control[:], int(h.Controllen), t)
		h.offer()
	}
	return c.trains[:got], nil
}

// read reads what the kernel says of a train, whose other fields are known: so many bytes of control messages.
func (c *collector) read(control []cmsg, n int, t *protocol.Batch) {
	rest := unsafe.Slice((*byte)(unsafe.Pointer(&control[0])), n)
	for len(rest) >= cmsgHeader+4 {
		h, value := (*unix.Cmsghdr)(unsafe.Pointer(&rest[0])), rest[cmsgHeader:]
		switch {
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO:
			if size := int(binary.NativeEndian.Uint32(value)); size > 0 {
				t.Size = size
			}
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL:
			c.dropped.Store(uint64(binary.NativeEndian.Uint32(value)))
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS && len(value) >= int(unsafe.Sizeof(unix.Timespec{})):
			came := (*unix.Timespec)(unsafe.Pointer(&value[0]))
			// By difference, because time.Now has a monotonic clock, which the kernel's time does not.
			if age := time.Duration(t.At.UnixNano() - came.Nano()); age > 0 && age < maxAge {
				t.At = t.At.Add(-age)
			}
		default:
			if reached := readSource(h, value); reached.addr.IsValid() {
				c.peers.heard(t.From, reached)
			}
		}
		next := unix.CmsgSpace(int(h.Len) - cmsgHeader)
		if int(h.Len) < cmsgHeader || next > len(rest) {
			break
		}
		rest = rest[next:]
	}
}

// from is the address that a train came from.
func (s *slot) from() netip.AddrPort {
	port := networkOrder(s.name.Port)
	if s.name.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&s.name)).Addr), port)
	}
	addr := netip.AddrFrom16(s.name.Addr).Unmap()
	if s.name.Scope_id != 0 {
		addr = addr.WithZone(strconv.Itoa(int(s.name.Scope_id)))
	}
	return netip.AddrPortFrom(addr, port)
}
