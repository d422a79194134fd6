package sink

import (
	"os"

	"golang.org/x/sys/unix"
)

// enlarge lets a pipe hold [pipeSize] bytes. What is no pipe, or may not, stays as it is.
func enlarge(file *os.File) {
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}
