//go:build unix

package discovery

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// share lets several programs of this machine have the port of multicast DNS: avahi, browsers, other udpcams (RFC 6762, 15.1).
func share(_, _ string, conn syscall.RawConn) error {
	var err error
	if e := conn.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) // macOS and BSD need it, Linux does not
		}
	}); e != nil {
		return e
	}
	return err
}
