package relay

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A Process is a program that is measured. Its standard input and output are pipes.
type Process struct {
	Name    string // in errors
	Command []string
	Machine Machine // where it runs; nil for here

	Stdin, Stdout *os.File // after Start
	cmd           *exec.Cmd
	said          tail
	done          chan struct{}
}

// A Machine is where a process runs.
type Machine interface{ Start(*exec.Cmd) error }

// Here is this machine.
var Here Machine = here{}

type here struct{}

func (here) Start(cmd *exec.Cmd) error { return cmd.Start() }

// Start starts the process. End must be called in any case.
func (p *Process) Start() error {
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
	p.Stdin, p.Stdout, p.done = stdin, stdout, make(chan struct{})
	p.cmd = exec.Command(p.Command[0], p.Command[1:]...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, &p.said
	if err := cmp.Or(p.Machine, Here).Start(p.cmd); err != nil {
		p.cmd = nil
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	return nil
}

// ended reports whether the process has ended.
func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// End asks the process to end, and kills it a second later.
func (p *Process) End() {
	if p.Stdin == nil {
		return
	}
	p.Stdin.Close()
	if p.cmd != nil {
		p.cmd.Process.Signal(os.Interrupt)
		select {
		case <-p.done:
		case <-time.After(time.Second):
			p.cmd.Process.Kill()
			<-p.done
		}
	}
	p.Stdout.Close()
}

// Failure adds the last output of the process to an error.
func (p *Process) Failure(err error) error {
	return fmt.Errorf("%s (%s): %w: %s", p.Name, p.Command[0], err, p.said.String())
}

// A tail keeps the last bytes that were written to it.
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

// A Cost is what a process used, from the first picture that counts to the end.
type Cost struct {
	CPU    time.Duration
	Memory int // peak resident bytes
}

// since subtracts the CPU time used before.
func (c Cost) since(before Cost) Cost { return Cost{c.CPU - before.CPU, c.Memory} }

// Cost returns the CPU time of the process so far, to the nanosecond, and its peak memory. Only Linux provides this.
func (p *Process) Cost() (c Cost) {
	pid := p.cmd.Process.Pid
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range threads {
		if text, err := os.ReadFile(path); err == nil {
			var ran int64
			fmt.Sscan(string(text), &ran)
			c.CPU += time.Duration(ran)
		}
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return c
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if figure, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			var kB int
			fmt.Sscan(figure, &kB)
			c.Memory = kB << 10
		}
	}
	return c
}
