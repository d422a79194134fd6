package source

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"udpcam/protocol"
)

const (
	// childPatience is for how long a program that has never brought a picture is started again and again.
	childPatience = 10 * time.Second
	// childEnd is how long a program that is asked to end may take. Then it is killed.
	childEnd = time.Second
)

// A child is a program that udpcam starts, whose standard output is JPEGs one after another. If it ends, it is started
// again, with growing pauses while it brings no picture. It ends when udpcam ends, in whatever way that ends. So do
// the programs that the child has started itself, as far as the system can see to that.
type child struct {
	name    string          // for people
	command func() []string // the program and its arguments
	silence time.Duration   // how long nothing may come, or 0 for any time
	once    bool            // its end is that of the source
	// another, if not nil, says whether the program must be started in another way. It gets the first two bytes of the output
	// and what the program has said.
	another func(begin [2]byte, said string) bool
	lasting func(reason int, said string) bool // whether the program would only fail again, if it were started again
	hide    func(string) string                // takes secrets out of what it says
	o       Options
}

// newExec returns the source for a command of the system's shell.
func newExec(rest string, o Options) (Source, error) {
	if strings.TrimSpace(rest) == "" {
		return nil, fmt.Errorf("%w: exec: names no command; the form is 'exec:COMMAND ARGUMENTS'", ErrName)
	}
	return &child{
		name:    Redact("exec:" + rest),
		command: func() []string { return shell(rest) },
		lasting: func(code int, _ string) bool { return code == 126 || code == 127 }, // not executable, not found (POSIX sh)
		hide:    hideUserinfo,
		o:       o,
	}, nil
}

// OnDemand returns true: it is started again when somebody watches.
func (c *child) OnDemand() bool { return true }

func (c *child) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, c.o, c.play)
}

// jpegBegins is how each JPEG begins: with its SOI.
var jpegBegins = [2]byte{0xFF, 0xD8}

// errOtherWay means that a program is started in another way from now on.
var errOtherWay = errors.New("another way")

func (c *child) play(ctx context.Context, emit emitter) error {
	state := &changes{log: c.o.Log, name: c.name}
	pace := pacer{fps: cmp.Or(c.o.FPS, maxFPS), slack: catchUp}
	paced := emit
	if c.o.FPS != 0 {
		paced = func(f protocol.Frame) error {
			if _, err := pace.wait(ctx); err != nil {
				return err
			}
			return emit(f)
		}
	}
	began, proven := time.Now(), false
	for retry := (backoff{}); ; {
		n, err := c.run(ctx, state, paced)
		switch {
		case err == errStopped, ctx.Err() != nil, err == nil && c.once:
			return err
		case c.once && err != errOtherWay:
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if n > 0 {
			proven, retry = true, backoff{}
		}
		var refused *refusal
		switch {
		case err == errOtherWay:
			continue
		case !proven && (errors.As(err, &refused) || time.Since(began) > childPatience):
			return fmt.Errorf("%s: %w", c.name, err)
		case err != nil:
			state.note(slog.LevelWarn, "the program gives no pictures, and is started again", err)
		}
		if err := retry.wait(ctx); err != nil {
			return err
		}
	}
}

// run runs the program once and emits its pictures. It returns how many there were, and what went wrong.
func (c *child) run(ctx context.Context, state *changes, emit emitter) (n int, err error) {
	ctx, wrong := context.WithCancelCause(ctx)
	defer wrong(nil)
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	line := c.command()
	program := exec.Command(line[0], line[1:]...)
	said := &lastWords{hide: c.hide}
	program.Stdout, program.Stderr, program.WaitDelay = w, said, childEnd
	tie(program)
	err = program.Start()
	w.Close()
	if err != nil {
		r.Close()
		return 0, final("%w", err)
	}
	in := readPipe(ctx, r)
	defer in.Close()
	stop := context.AfterFunc(ctx, func() { terminate(program) }) // which also ends the reading, where a pipe has no deadline
	n, err = c.read(ctx, in, wrong, state, emit)
	cause := context.Cause(ctx)
	if stop() && err != io.EOF {
		terminate(program)
	}
	failed := end(program)
	switch code := program.ProcessState.ExitCode(); {
	case err == errStopped || err == errOtherWay:
		return n, err
	case cause != nil:
		return n, cause
	case err != nil && err != io.EOF:
		return n, err
	case failed != nil && n == 0 && c.another != nil && c.another(jpegBegins, said.String()):
		return n, errOtherWay
	case failed != nil && n == 0 && c.lasting(code, said.String()):
		return n, final("%w%s", failed, said)
	case failed != nil:
		return n, fmt.Errorf("it has ended: %w%s", failed, said)
	case n == 0:
		return n, fmt.Errorf("%w: it has ended without one%s", ErrNoJPEG, said)
	}
	return n, nil
}

// read emits the pictures that a program writes, until it ends.
func (c *child) read(ctx context.Context, in io.Reader, wrong func(error), state *changes, emit emitter) (n int, err error) {
	w := &watched{r: in, allowed: pictureTime}
	if c.silence > 0 {
		w.quiet = time.AfterFunc(pictureTime, func() { wrong(fmt.Errorf("%w for %v", errSilent, w.allowed)) })
		defer w.quiet.Stop()
		in = w
	}
	if c.another != nil {
		var begin [2]byte
		n, err := io.ReadFull(in, begin[:])
		if err == nil && c.another(begin, "") {
			return 0, errOtherWay
		}
		in = io.MultiReader(bytes.NewReader(begin[:n]), in)
	}
	o := c.o
	o.Skip = func(reason string) {
		if ctx.Err() == nil { // else a program that was ended has been interrupted
			c.o.Skip(reason)
		}
	}
	pictures := o.pictures(in)
	defer pictures.watch(c.o.Log, c.name, func(err error) { wrong(final("%w", err)) })()
	for ; ; n++ {
		f, err := pictures.next()
		switch {
		case err == errNothingFound:
			return n, final("%w: it brought %w: %s", ErrNoJPEG, err, pictures.what())
		case err != nil:
			return n, err
		}
		state.note(slog.LevelInfo, "the program gives pictures", nil)
		w.allowed = c.silence
		if err := emit(f); err != nil {
			return n + 1, err
		}
	}
}

// end ends a program, if it has not ended, and returns how it ended.
func end(program *exec.Cmd) error {
	killed := time.AfterFunc(childEnd, func() { kill(program) })
	defer killed.Stop()
	err := program.Wait()
	kill(program) // what it has started, and left
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

// lastWords keeps the last lines that a program has written to standard error.
type lastWords struct {
	hide func(string) string

	mu   sync.Mutex
	text []byte
}

// Limits on what a program says: bytes that are kept, lines that are shown, and the length of all.
const (
	wordsKept, wordsLines, wordsShown = 4 << 10, 2, 300
)

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	l.text = slices.Delete(l.text, 0, max(0, len(l.text)-wordsKept))
	return len(b), nil
}

// address is how ffmpeg names its parts: [rtsp @ 0x55d0c8a7e740]. The number differs each time.
var address = regexp.MustCompile(`\[([^][]*) @ 0x[0-9a-f]+\] *`)

// String returns the last lines, to stand behind an error: with a colon before, or nothing.
func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7F {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(l.text), "?"))
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(address.ReplaceAllString(line, "")); line != "" {
			lines = append(lines, l.hide(line))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	text = strings.Join(lines[max(0, len(lines)-wordsLines):], "; ")
	return ": " + text[:min(len(text), wordsShown)]
}

// hideUserinfo takes users and passwords out of the URLs in a line.
func hideUserinfo(line string) string { return userinfo.ReplaceAllString(line, "://${1}xxxxx@") }
