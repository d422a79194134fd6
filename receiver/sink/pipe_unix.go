//go:build unix

package sink

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// stdout returns standard output under another file descriptor. Go ends a process that writes to a broken pipe on
// descriptor 1, as the shell's tools do; on any other the write returns EPIPE, and the process ends in order.
func stdout() (*os.File, error) {
	if own, err := openOwnStdout(); err == nil {
		return own, nil
	}
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "standard output"), nil
}

func readerGone(err error) bool { return errors.Is(err, unix.EPIPE) }
