package web

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A process is a server that a test can stop and kill: see runServer.
type process struct {
	t         *testing.T
	on        machine
	addresses []string
	cmd       *exec.Cmd
	orders    io.Writer
}

func startServer(t *testing.T) *process { return startServerOn(t, here{}, "127.0.0.1") }

func startServerOn(t *testing.T, on machine, address string) *process {
	address += ":0"
	p := &process{t: t, on: on, addresses: []string{address, address, address}}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), serverProcess+"="+strings.Join(p.addresses, ","))
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = os.Stderr
	orders, err := p.cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.on.Start(p.cmd); err != nil {
		p.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if p.addresses = strings.Split(strings.TrimSpace(line), ","); err != nil || len(p.addresses) != 3 {
		p.t.Fatalf("the server says %q: %v", line, err)
	}
	p.orders = orders
}

func (p *process) order(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.orders, format+"\n", args...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}
