package sink

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/term"

	"udpcam/protocol"
)

// pipeSize is what a pipe is asked to hold, in bytes. The usual 64 KiB are less than a frame, so that every one would
// take the reader and the writer several turns; 1 MiB is what Linux lets any user ask for
// (/proc/sys/fs/pipe-max-size, pipe(7)).
const pipeSize = 1 << 20

// A pipe writes JPEGs one behind the other to standard output, a named pipe or a device.
type pipe struct {
	file *os.File
	out  io.Writer // to the file
	name string
	size int // how many bytes can be written to it without waiting when it is empty, 0 if that is not known
}

func openStdout() (*pipe, error) {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		return nil, errors.New("standard output is a terminal: redirect it, as in udpcam recv --out - | ffplay -f mjpeg -")
	}
	file, err := stdout()
	if err != nil {
		return nil, fmt.Errorf("standard output: %w", err)
	}
	return newPipe(file, "standard output"), nil
}

// openPipe opens a named pipe or device. Non-blocking, because opening a pipe that nobody reads would wait for a
// reader, and nothing could end that wait.
func openPipe(name string) (*pipe, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) {
		return nil, fmt.Errorf("nobody reads %s: start its reader first: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write there: %w", err)
	}
	return newPipe(file, name), nil
}

func newPipe(file *os.File, name string) *pipe {
	size := enlarge(file)
	return &pipe{file, quietly(file, size), name, size}
}

// Put implements [Sink].
func (p *pipe) Put(f protocol.Frame) error {
	_, err := p.out.Write(f.JPEG)
	if readerGone(err) {
		return fmt.Errorf("%s: %w", p.name, ErrClosed)
	}
	if err != nil {
		return fmt.Errorf("cannot write there: %w", err)
	}
	return nil
}

// prompt reports whether n bytes would be written without waiting.
func (p *pipe) prompt(n int) bool { return n <= p.size && isEmpty(p.file) }

// Close implements [Sink].
func (p *pipe) Close() error { return p.file.Close() }

// live says that only the newest frames matter to whoever looks.
func (p *pipe) live() bool { return true }
