package datagram

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxRetries is how often a call is made that returns errors about earlier datagrams. Without a network each attempt
	// fails in the same way. A flood of forged messages cannot be as fast as so many attempts in a row.
	maxRetries = 10

	// maxTooBig is how many messages of routers are kept. It stops a flood of forged ones from filling the memory.
	maxTooBig = 16

	// maxQuote is how many bytes of a datagram are kept that a router quotes.
	maxQuote = 64
)

// A refusals keeps what ICMP says of datagrams that have left: nobody listens on the port, the host does not exist, or a
// router takes only smaller packets. A UDP socket gets that only if it asks (IP_RECVERR, see ip(7)). Then the next call on
// the socket, send or receive, returns the error and does nothing else. refusals repeats that call and keeps the error for
// the next Send, or for TooBig. The zero value, on a socket that has not asked, does nothing.
type refusals struct {
	on   bool
	last atomic.Int32 // errno, 0 if there is none

	mu     sync.Mutex // guards tooBig
	tooBig []TooBig
	some   atomic.Bool // whether tooBig has any
}

// enable asks the kernel to report refusals on the socket.
func (r *refusals) enable(fd int) {
	v4 := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	v6 := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	r.on = v4 == nil || v6 == nil
}

// retry makes a call, and repeats it if it returns such an error. An error that stays is about this call.
func (r *refusals) retry(fd uintptr, call func() (uintptr, syscall.Errno)) (n uintptr, errno syscall.Errno) {
	for range maxRetries {
		if n, errno = call(); !r.on || !isRefusal(errno) {
			break
		}
		if errno != unix.EMSGSIZE {
			r.last.Store(int32(errno))
		}
		r.drain(fd)
	}
	if isRefusal(errno) {
		r.last.Store(0) // it is about this call
	}
	return n, errno
}

func isRefusal(errno syscall.Errno) bool {
	return errno == unix.ECONNREFUSED || errno == unix.EHOSTUNREACH || errno == unix.ENETUNREACH || errno == unix.EMSGSIZE
}

// An errorMessage is where recvmsg(2) puts one of a socket's errors.
type errorMessage struct {
	name    unix.RawSockaddrInet6
	iovec   unix.Iovec
	quote   [maxQuote]byte
	control [4]cmsg
}

// drain empties the socket's queue of errors, which would fill memory. It notes what routers say about a packet's size.
func (r *refusals) drain(fd uintptr) {
	m := &errorMessage{}
	for range 64 {
		m.iovec.Base = &m.quote[0]
		m.iovec.SetLen(len(m.quote))
		header := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&m.name)), Namelen: uint32(unsafe.Sizeof(m.name)), Iov: &m.iovec,
			Control: (*byte)(unsafe.Pointer(&m.control))}
		header.SetIovlen(1)
		header.SetControllen(int(unsafe.Sizeof(m.control)))
		n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&header)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if errno != 0 {
			return
		}
		if mtu, ok := routersMTU(m.control[:], int(header.Controllen)); ok {
			r.note(TooBig{To: addrPort(&m.name), MTU: mtu, Quote: append([]byte(nil), m.quote[:n]...)})
		}
	}
}

// routersMTU returns the MTU of a router's message, from n bytes of control messages (IP_RECVERR in ip(7)).
func routersMTU(control []cmsg, n int) (mtu int, ok bool) {
	rest := unsafe.Slice((*byte)(unsafe.Pointer(&control[0])), n)
	for len(rest) >= cmsgHeader+int(unsafe.Sizeof(unix.SockExtendedErr{})) {
		h, value := (*unix.Cmsghdr)(unsafe.Pointer(&rest[0])), rest[cmsgHeader:]
		if h.Level == unix.IPPROTO_IP && h.Type == unix.IP_RECVERR || h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_RECVERR {
			origin := value[4]
			return int(binary.NativeEndian.Uint32(value[8:])), syscall.Errno(binary.NativeEndian.Uint32(value)) == unix.EMSGSIZE &&
				(origin == unix.SO_EE_ORIGIN_ICMP || origin == unix.SO_EE_ORIGIN_ICMP6)
		}
		next := unix.CmsgSpace(int(h.Len) - cmsgHeader)
		if int(h.Len) < cmsgHeader || next > len(rest) {
			break
		}
		rest = rest[next:]
	}
	return 0, false
}

func (r *refusals) note(m TooBig) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tooBig) < maxTooBig {
		r.tooBig = append(r.tooBig, m)
		r.some.Store(true)
	}
}

// TooBig returns what routers have said since the last call, the oldest first.
func (s *socket) TooBig() []TooBig {
	r := &s.refusals
	if !r.some.Swap(false) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	said := r.tooBig
	r.tooBig = nil
	return said
}

// claim returns the last error that has not been returned yet, nil if there is none.
func (r *refusals) claim() error {
	if errno := r.last.Swap(0); errno != 0 {
		return fmt.Errorf("%w (%w)", ErrUndelivered, syscall.Errno(errno))
	}
	return nil
}

// addrPort is the address that the kernel has written to name.
func addrPort(name *unix.RawSockaddrInet6) netip.AddrPort {
	s := slot{name: *name}
	return s.from()
}
