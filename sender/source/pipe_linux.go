package source

import (
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/internal/rawfd"
)

// pipeSize is the most that a process without privileges may ask for (/proc/sys/fs/pipe-max-size, pipe(7)). The default
// of 64 kB is less than a picture: its writer and its reader would have to take turns, several wake-ups a picture.
const pipeSize = 1 << 20

// openStdin opens standard input. If it is a pipe, it is opened once more for this process alone: Then the new file can be
// set not to block, without changing it for other processes, and Go's poller can wait for it.
//
// If a thread waited in a system call instead, Go's monitor thread would check it every 20 µs for 10 ms. At 30 pictures of
// 78 kB a second, that is half of the whole cost of udpcam send: 9 to 11 CPU seconds for a gigabyte instead of 5, at the
// same delay.
func openStdin(ctx context.Context) (io.ReadCloser, error) {
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		if file, err := openPipe(ctx, "/proc/self/fd/0"); err == nil {
			return file, nil
		}
	}
	return openStdinApart(ctx), nil
}

// openFIFO opens a named pipe and waits for its first writer. Until then, reading would find the pipe's end.
func openFIFO(ctx context.Context, path string) (io.ReadCloser, error) {
	file, err := openPipe(ctx, path)
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool {
			n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
			return n > 0
		})
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// A pipeFile is a pipe that is read by Go's poller and without waking the monitor thread.
type pipeFile struct {
	*os.File
	quiet *rawfd.File
}

func (p pipeFile) Read(b []byte) (int, error) { return p.quiet.Read(b) }

// openPipe opens a pipe. Reading it ends when ctx is done.
func openPipe(ctx context.Context, path string) (pipeFile, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return pipeFile{}, err
	}
	return quietPipe(ctx, file)
}

// readPipe returns what reads a pipe of this process. Reading it ends when ctx is done.
func readPipe(ctx context.Context, file *os.File) io.ReadCloser {
	if quiet, err := quietPipe(ctx, file); err == nil {
		return quiet
	}
	return file
}

// quietPipe takes over a pipe that does not block. If there is an error, the pipe is closed.
func quietPipe(ctx context.Context, file *os.File) (pipeFile, error) {
	raw, err := file.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) }) // if not, it is only slower
	}
	quiet, failed := rawfd.New(file)
	if err == nil {
		err = failed
	}
	if err != nil {
		file.Close()
		return pipeFile{}, err
	}
	context.AfterFunc(ctx, func() { file.SetReadDeadline(time.Unix(1, 0)) })
	return pipeFile{file, quiet}, nil
}
