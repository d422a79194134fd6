//go:build unix

package source

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// interruptible returns a reader of f whose Read ends with an error when ctx is done, and a function that releases what
// it holds and leaves f open.
//
// Read waits with poll(2) on f and on a pipe that is closed when ctx is done. Unlike Go's poller, for which there is
// untilDone, it works on every kind of file, waits for a named pipe's first writer, and needs no O_NONBLOCK, which would
// be set for every process that shares the file.
func interruptible(ctx context.Context, f *os.File) (r io.Reader, release func(), err error) {
	done, hangUp, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	unhook := context.AfterFunc(ctx, func() { hangUp.Close() })
	release = func() {
		if unhook() {
			hangUp.Close()
		}
		done.Close()
	}
	return &polled{ctx: ctx, f: f, fd: int(f.Fd()), done: int(done.Fd())}, release, nil
}

type polled struct {
	ctx  context.Context
	f    *os.File // keeps fd open
	fd   int
	done int // has an event when ctx is done
}

func (p *polled) Read(b []byte) (int, error) {
	for {
		events := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}, {Fd: int32(p.done), Events: unix.POLLIN}}
		if _, err := unix.Poll(events, -1); err == unix.EINTR {
			continue
		} else if err != nil {
			return 0, os.NewSyscallError("poll", err)
		}
		if events[1].Revents != 0 {
			return 0, context.Cause(p.ctx)
		}
		switch n, err := unix.Read(p.fd, b); {
		case err == unix.EINTR || err == unix.EAGAIN: // a signal, or another reader of the same pipe was faster
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// openFIFO opens a named pipe without waiting for its writer, so that ctx can end that wait too: it is Read's.
func openFIFO(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
}
