package datagram

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// reuseAddress lets several receivers on one machine listen to the same multicast group.
func reuseAddress(_, _ string, c syscall.RawConn) (err error) {
	if e := c.Control(func(fd uintptr) {
		err = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
	}); e != nil {
		return e
	}
	return err
}
