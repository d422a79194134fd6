package source

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is the most that a process without privileges may ask for (/proc/sys/fs/pipe-max-size, pipe(7)). The default
// of 64 kB is less than a picture: its writer and its reader would have to take turns, several wake-ups a picture.
const pipeSize = 1 << 20

// growPipe makes f, if it is a pipe, large enough for whole pictures. If it cannot be, it is only slower.
func growPipe(f *os.File) {
	if raw, err := f.SyscallConn(); err == nil { // f.Fd() would take the file from Go's poller
		raw.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
}
