package sink

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/term"

	"udpcam/protocol"
)

// pipeSize is how many bytes a pipe is asked to hold. The usual 64 KiB are less than a frame, so each frame would take the
// reader and the writer several turns. 1 MiB is what Linux lets any user ask for (/proc/sys/fs/pipe-max-size, pipe(7)).
const pipeSize = 1 << 20

// A pipe writes JPEGs one behind the other to standard output, a named pipe or a device.
type pipe struct {
	file *os.File
	out  io.Writer // to the file
	name string
	size int // how many bytes an empty pipe takes without waiting, 0 if not known
}

func openStdout() (*pipe, error) {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		return nil, errors.New("standard output is a terminal: redirect it, as in udpcam recv --out - | ffplay -f mjpeg -")
	}
	// Without this, Go ends a process that writes to a broken pipe on standard output. With it, the write fails, and the
	// process ends in order.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return newPipe(ownStdout(), "standard output"), nil
}

// A namedPipe may get another reader when one has left.
type namedPipe struct{ *pipe }

func (p namedPipe) again() (Sink, error) {
	again, err := openPipe(p.name)
	if errors.Is(err, syscall.ENXIO) {
		err = fmt.Errorf("nobody reads it: %w", ErrClosed)
	}
	return again, err
}

// openPipe opens a named pipe or device. It does not wait for a reader, because nothing could end that wait.
func openPipe(name string) (namedPipe, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) {
		return namedPipe{}, fmt.Errorf("nobody reads %s: start its reader first: %w", name, err)
	}
	if err != nil {
		return namedPipe{}, fmt.Errorf("cannot write there: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() { // it has taken the pipe's place
		file.Close()
		return namedPipe{}, fmt.Errorf("%s is no pipe any more", name)
	}
	return namedPipe{newPipe(file, name)}, nil
}

func newPipe(file *os.File, name string) *pipe {
	size := enlarge(file)
	return &pipe{file, quietly(file, size), name, size}
}

func (p *pipe) Put(f protocol.Frame) error {
	switch _, err := p.out.Write(f.JPEG); {
	case readerGone(err):
		return fmt.Errorf("%s: %w", p.name, ErrClosed)
	case err != nil:
		return fmt.Errorf("cannot write there: %w", err)
	}
	return nil
}

// readerGone reports whether a write failed because nobody reads any more.
func readerGone(err error) bool {
	const brokenPipe, noData = syscall.Errno(109), syscall.Errno(232) // ERROR_BROKEN_PIPE and ERROR_NO_DATA
	return errors.Is(err, syscall.EPIPE) ||
		runtime.GOOS == "windows" && (errors.Is(err, brokenPipe) || errors.Is(err, noData))
}

// prompt reports whether n bytes would be written without waiting.
func (p *pipe) prompt(n int) bool { return n <= p.size && isEmpty(p.file) }

func (p *pipe) Close() error { return p.file.Close() }

func (p *pipe) live() bool { return true }
