package sink

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// datasync waits until a file's content is on the disk. sync_file_range would cost less, but does not write where on the
// disk the content is, so a power cut would lose what has been added to the file.
func datasync(file *os.File) (err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	if failed := raw.Control(func(fd uintptr) { err = unix.Fdatasync(int(fd)) }); failed != nil {
		return failed
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) {
		return nil // this file system cannot
	}
	return err
}
