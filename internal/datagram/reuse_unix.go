//go:build unix

package datagram

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// reuseAddress lets several receivers on one machine listen to the same multicast group.
func reuseAddress(_, _ string, c syscall.RawConn) (err error) {
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}); e != nil {
		return e
	}
	return err
}
