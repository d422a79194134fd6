package discovery

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// share lets several programs of this machine have the port of multicast DNS.
func share(_, _ string, conn syscall.RawConn) error {
	var err error
	if e := conn.Control(func(fd uintptr) {
		err = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
	}); e != nil {
		return e
	}
	return err
}
