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
	// maxBatches is how many batches one call receives. If the kernel does not join datagrams, that is a quarter of a frame.
	// So a frame takes few calls, and the first quarter is worked on while the rest is on its way.
	maxBatches = 16

	// batchRoom is how many bytes are set aside for each batch: the most it may have, and 1472 more. Without these batches
	// would lie exactly 64 KiB apart and compete for the same cache lines. Pages that nobody writes to cost nothing.
	batchRoom = maxReceived + 1 + 1472

	// maxAge is the longest that a datagram can have waited to be received. A longer wait means that the wall clock was set.
	maxAge = 10 * time.Second
)

// A collector receives datagrams by recvmmsg(2).
type collector struct {
	dropped atomic.Uint64

	// The memory for a call is kept here, so that no call allocates.
	memory  []byte
	slots   [maxBatches]slot
	headers [maxBatches]mmsghdr
	batches [maxBatches]protocol.Batch
	call    *rawfd.Call
}

// A slot is where one batch's address and control messages go.
type slot struct {
	name    unix.RawSockaddrInet6
	iovec   unix.Iovec
	control [4]cmsg // see socket.read
}

// mmsghdr is C's struct of that name.
type mmsghdr struct {
	unix.Msghdr
	n uint32 // bytes received
}

func (c *collector) init(s *socket) {
	c.memory = make([]byte, maxBatches*batchRoom)
	for i := range c.slots {
		slot, h := &c.slots[i], &c.headers[i]
		slot.iovec.Base = &c.memory[i*batchRoom]
		slot.iovec.SetLen(batchRoom)
		h.Name = (*byte)(unsafe.Pointer(&slot.name))
		h.Iov = &slot.iovec
		h.SetIovlen(1)
		h.Control = (*byte)(unsafe.Pointer(&slot.control))
		h.offer()
	}
	var fd uintptr
	call := func() (uintptr, syscall.Errno) {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&c.headers)), maxBatches, unix.MSG_DONTWAIT, 0, 0)
		return n, errno
	}
	c.call = rawfd.Reading(s.raw, func(at uintptr) (uintptr, syscall.Errno) {
		fd = at
		n, errno := s.refusals.retry(fd, call)
		if errno == unix.EAGAIN {
			s.deadline.begin()
		}
		return n, errno
	})
}

// offer tells the kernel how much room there is for the address and the control messages. A call overwrites that.
func (h *mmsghdr) offer() {
	h.Namelen = unix.SizeofSockaddrInet6
	h.SetControllen(int(unsafe.Sizeof(slot{}.control)))
}

// Receive implements [protocol.Conn].
func (s *socket) Receive() ([]protocol.Batch, error) {
	c := &s.rx
	got, err := c.call.Do()
	s.deadline.end()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for i := range got {
		h, slot, b := &c.headers[i], &c.slots[i], &c.batches[i]
		*b = protocol.Batch{Bytes: c.memory[i*batchRoom:][:h.n], Size: int(h.n), From: slot.from(), At: now}
		s.read(slot.control[:], int(h.Controllen), b)
		h.offer()
	}
	return c.batches[:got], nil
}

// read reads n bytes of control messages, which say more about a batch. The batch's other fields are set already.
func (s *socket) read(control []cmsg, n int, b *protocol.Batch) {
	rest := unsafe.Slice((*byte)(unsafe.Pointer(&control[0])), n)
	for len(rest) >= cmsgHeader+4 {
		h, value := (*unix.Cmsghdr)(unsafe.Pointer(&rest[0])), rest[cmsgHeader:]
		switch {
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO:
			if size := int(binary.NativeEndian.Uint32(value)); size > 0 {
				b.Size = size
			}
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL:
			s.rx.dropped.Store(uint64(binary.NativeEndian.Uint32(value)))
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS && len(value) >= int(unsafe.Sizeof(unix.Timespec{})):
			came := (*unix.Timespec)(unsafe.Pointer(&value[0]))
			// Subtracting keeps the monotonic clock reading of b.At. The kernel's time has none.
			if age := time.Duration(b.At.UnixNano() - came.Nano()); age > 0 && age < maxAge {
				b.At = b.At.Add(-age)
			}
		default:
			if reached := readSource(h, value); reached.addr.IsValid() {
				s.peers.heard(b.From, reached)
			}
		}
		next := unix.CmsgSpace(int(h.Len) - cmsgHeader)
		if int(h.Len) < cmsgHeader || next > len(rest) {
			break
		}
		rest = rest[next:]
	}
}

// from is the address that a batch came from.
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
