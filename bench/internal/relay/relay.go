// Package relay looks at a pair of programs from outside: pictures go into the standard input of the one, come out of the
// standard output of the other, and what counts is which, how late, and at what cost.
//
//	Pictures ──> sender's process ── a network ──> receiver's process ──> mjpeg.Reader ──> which picture is it?
//
// A picture is known again by its entropy-coded data, so that a transport that writes JPEG headers of its own (RTP, RFC
// 2435) is measured too.
package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A Machine is where a process runs.
type Machine interface{ Start(*exec.Cmd) error }

// Here is this machine.
var Here Machine = here{}

type here struct{}

func (here) Start(cmd *exec.Cmd) error { return cmd.Start() }

// A Relay is what is to be measured.
type Relay struct {
	Send, Receive []string // command lines
	From, To      Machine  // where they run
	Pictures      [][]byte // what is fed in, each different from the others
	Warm, Cool    int      // how many of the first and of the last do not count: some programs hold back the last
	FPS           float64
	Settle        time.Duration // that each process has to get ready
	// Measured, if it is not nil, is called before the first picture that counts and after the last has had time to
	// come out.
	Measured func()
}

// drain is how long pictures may still come after the last went in.
const drain = 1500 * time.Millisecond

// A Result is what came of it. Only pictures that count do.
type Result struct {
	Fed     int
	Delays  []time.Duration // of those that were delivered, each once
	Damaged uint64          // pictures that came out but never went in
	Again   uint64          // that came more than once
	Late    time.Duration   // by which the slowest picture went in late, because the sender did not take it
	Bytes   int             // in the pictures that were fed, the last ones that do not count included, as in Cost

	Sender, Receiver Cost
}

// A Cost is what a process took, from the first picture that counts to the end.
type Cost struct {
	CPU    time.Duration
	Memory int // bytes, the most that was resident
}

// Run measures. The error tells, in their own words, why a process ended before its time.
func (r Relay) Run(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sender, receiver := &process{command: r.Send, machine: r.From, name: "sender"}, &process{command: r.Receive, machine: r.To, name: "receiver"}
	defer func() {
		for _, p := range []*process{sender, receiver} {
			p.end()
		}
	}()
	for _, p := range []*process{receiver, sender} {
		if err := p.start(); err != nil {
			return Result{}, err
		}
		if !pause(ctx, r.Settle) {
			return Result{}, ctx.Err()
		}
	}
	eye := newEye(r.Pictures)
	go eye.watch(receiver.stdout)

	var result Result
	var before [2]Cost
	start := time.Now()
	for i, picture := range r.Pictures {
		if i == r.Warm {
			before = [2]Cost{sender.cost(), receiver.cost()}
			if r.Measured != nil {
				r.Measured()
			}
		}
		due := start.Add(time.Duration(float64(i) / r.FPS * float64(time.Second)))
		if !pause(ctx, time.Until(due)) {
			return result, ctx.Err()
		}
		result.Late = max(result.Late, time.Since(due))
		eye.went(i, time.Now())
		if _, err := sender.stdin.Write(picture); err != nil {
			return result, sender.failure(err)
		}
		if i >= r.Warm { // what they cost is measured to the end
			result.Bytes += len(picture)
		}
	}
	result.Fed = len(r.Pictures) - r.Warm - r.Cool
	if !pause(ctx, drain) {
		return result, ctx.Err()
	}
	if r.Measured != nil {
		r.Measured()
	}
	result.Sender, result.Receiver = sender.cost().since(before[0]), receiver.cost().since(before[1])
	eye.report(r.Warm, len(r.Pictures)-r.Cool, &result)
	if len(result.Delays) == 0 { // it may be the network's doing, or its own
		for _, p := range []*process{sender, receiver} {
			if p.ended() {
				return result, p.failure(errors.New("it ended"))
			}
		}
	}
	return result, nil
}

// pause waits, and reports false if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// An eye knows pictures again as they come out.
type eye struct {
	mu      sync.Mutex
	ids     map[[sha256.Size]byte]int
	in, out []time.Time // when each picture went in and came out, zero if it has not
	damaged uint64
	again   uint64
}

func newEye(pictures [][]byte) *eye {
	e := &eye{ids: map[[sha256.Size]byte]int{}, in: make([]time.Time, len(pictures)), out: make([]time.Time, len(pictures))}
	for i, p := range pictures {
		e.ids[fingerprint(p)] = i
	}
	return e
}

// fingerprint is a hash of a picture's first scan, without the padding that some put behind it.
func fingerprint(jpeg []byte) [sha256.Size]byte {
	scan := jpeg
	if at := bytes.Index(jpeg, []byte{0xff, 0xda}); at >= 0 && at+4 <= len(jpeg) {
		header := int(binary.BigEndian.Uint16(jpeg[at+2:]))
		scan = jpeg[min(len(jpeg), at+2+header):]
	}
	scan = bytes.TrimSuffix(scan, []byte{0xff, 0xd9})
	return sha256.Sum256(bytes.TrimRight(scan, "\x00"))
}

func (e *eye) went(i int, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.in[i] = at
}

// watch looks at what comes out until nothing does any more.
func (e *eye) watch(r io.Reader) {
	broken := func(reason mjpeg.Reason) {
		if reason == mjpeg.Truncated || reason == mjpeg.Malformed {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.damaged++
		}
	}
	var memory protocol.Pool // new memory would take longer to read into than all of a fast carrier's work
	for pictures := mjpeg.NewReader(r, mjpeg.ReaderOptions{Skip: broken, Alloc: memory.Get}); ; {
		picture, err := pictures.Next()
		if err != nil {
			return
		}
		now := time.Now()
		print := fingerprint(picture)
		memory.Put(picture)
		e.mu.Lock()
		i, ok := e.ids[print]
		switch {
		case !ok:
			e.damaged++
		case !e.out[i].IsZero():
			e.again++
		default:
			e.out[i] = now
		}
		e.mu.Unlock()
	}
}

// report fills in what came of the pictures from one up to another.
func (e *eye) report(from, to int, r *Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := from; i < to; i++ {
		if !e.out[i].IsZero() {
			r.Delays = append(r.Delays, e.out[i].Sub(e.in[i]))
		}
	}
	r.Damaged, r.Again = e.damaged, e.again
}

// A process is one end of a relay.
type process struct {
	command []string
	machine Machine
	name    string

	cmd           *exec.Cmd
	stdin, stdout *os.File
	said          tail
	done          chan struct{}
}

func (p *process) start() error {
	in, stdin, err := os.Pipe()
	if err != nil {
		return err
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	defer out.Close()
	p.stdin, p.stdout, p.done = stdin, stdout, make(chan struct{})
	p.cmd = exec.Command(p.command[0], p.command[1:]...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, &p.said
	if err := p.machine.Start(p.cmd); err != nil {
		p.cmd = nil
		return fmt.Errorf("%s: %w", p.name, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	return nil
}

// ended reports whether the process has.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// end ends the process, in order if it lets itself be asked.
func (p *process) end() {
	if p.stdin == nil {
		return
	}
	p.stdin.Close()
	if p.cmd != nil {
		p.cmd.Process.Signal(os.Interrupt)
		select {
		case <-p.done:
		case <-time.After(time.Second):
			p.cmd.Process.Kill()
			<-p.done
		}
	}
	p.stdout.Close()
}

// failure is an error of the process, with what it said last.
func (p *process) failure(err error) error {
	return fmt.Errorf("%s (%s): %w: %s", p.name, p.command[0], err, p.said.String())
}

// A tail keeps the last that was written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 400

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(string(t.text)), " ")
}
