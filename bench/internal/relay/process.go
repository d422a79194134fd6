package relay

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Starter starts a command on some machine.
type Starter func(*exec.Cmd) error

// Here starts a command on this machine.
var Here Starter = (*exec.Cmd).Start

// A Process is a program that is measured. Its standard input and output are pipes.
type Process struct {
	Name    string // in errors
	Command []string
	Start   Starter

	Stdin, Stdout *os.File // after Begin
	cmd           *exec.Cmd
	said          bytes.Buffer // to be read when the process has ended
	done          chan struct{}
}

// Begin starts the process. End must be called in any case.
func (p *Process) Begin() error {
	in, stdin, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	stdout, out, err := os.Pipe()
	if err != nil {
		stdin.Close()
		return err
	}
	defer out.Close()
	p.Stdin, p.Stdout = stdin, stdout
	cmd := exec.Command(p.Command[0], p.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &p.said
	cmd.WaitDelay = time.Second // if it leaves processes behind
	if err := p.Start(cmd); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	p.cmd, p.done = cmd, make(chan struct{})
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	return nil
}

// Ended reports whether the process has ended by itself.
func (p *Process) Ended() bool { return p.ended() }

// ended reports whether the process has ended.
func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// End asks the process to end, and kills it a second later. It may be called again.
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

// Signal sends a signal to the process.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Failure ends the process, and adds its last output to an error.
func (p *Process) Failure(err error) error {
	return fmt.Errorf("%s (%s): %w: %s", p.Name, p.Command[0], err, p.Said())
}

// Said ends the process, and returns its last output to standard error, in one line.
func (p *Process) Said() string {
	p.End()
	said := p.said.Bytes()
	const shown = 400 // bytes
	return string(bytes.Join(bytes.Fields(said[max(0, len(said)-shown):]), []byte(" ")))
}

// Exit waits for the process to end by itself, and returns its exit status. It returns false if the process has not ended by
// then.
func (p *Process) Exit(within time.Duration) (status int, ended bool) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), true
	case <-time.After(within):
		return 0, false
	}
}

// Memory is the most bytes that the process has had in memory so far. Only Linux provides this; elsewhere it is 0.
func (p *Process) Memory() int { return p.cost().Memory }

// A Cost is what a process has used.
type Cost struct {
	CPU    time.Duration
	Memory int // peak resident bytes
}

// cost returns the CPU time of the process so far, to the nanosecond, and its peak memory. Only Linux provides this.
func (p *Process) cost() (c Cost) {
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	threads, _ := filepath.Glob(proc + "task/*/schedstat")
	for _, path := range threads {
		var ran time.Duration
		text, _ := os.ReadFile(path)
		fmt.Sscan(string(text), &ran)
		c.CPU += ran
	}
	status, _ := os.ReadFile(proc + "status")
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Sscan(peak, &c.Memory) // in kB
	c.Memory <<= 10
	return c
}
