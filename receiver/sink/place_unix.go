//go:build linux || darwin

package sink

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// deviceOf returns the device that a file is on.
func deviceOf(name string) (device uint64, ok bool) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(stat.Dev), true
}

// departed reports whether a file has been deleted, or is on another device than what has its name.
func departed(is, named os.FileInfo) bool {
	a, ok1 := is.Sys().(*syscall.Stat_t)
	b, ok2 := named.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && (a.Nlink == 0 || a.Dev != b.Dev)
}

// freeSpace returns how many bytes may still be written to a directory's disk.
func freeSpace(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil
}

// claims is whether claim knows what other processes write.
const claims = true

// claim marks a file as being written, as long as it is open. It returns false if it is marked already.
func claim(file *os.File) bool {
	busy := false
	if raw, err := file.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { busy = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK })
	}
	return !busy
}

// unclaim says that a file is written no more.
func unclaim(file *os.File) {
	if raw, err := file.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.Flock(int(fd), unix.LOCK_UN) })
	}
}

// openOwn opens a file that is no link.
func openOwn(name string, flag int) (*os.File, error) {
	return os.OpenFile(name, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// errQuota is the error of a user who has used up their share of the disk.
const errQuota = unix.EDQUOT
