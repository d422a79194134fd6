//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package sink

import "golang.org/x/sys/unix"

// keepSignals lets Ctrl-C be a signal, and a newline begin a line, on a terminal that passes on all keys.
func keepSignals(fd int) {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return
	}
	t.Lflag |= unix.ISIG
	t.Oflag |= unix.OPOST
	unix.IoctlSetTermios(fd, setTermios, t)
}
