package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Namespace is a separate network. It exists as long as its file is open, or a process or socket is in it.
type Namespace struct{ file *os.File }

// newNamespace makes a namespace that has nothing but a loopback device.
func newNamespace() (*Namespace, error) {
	n := &Namespace{}
	err := elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("%w (%w)", ErrRoot, err)
		}
		return nil
	}, func() (err error) {
		// Turn off the kernel's own IPv6 traffic. A kernel without IPv6 fails here, which is fine.
		for _, which := range []string{"all", "default"} {
			os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0)
		}
		n.file, err = current()
		return err
	})
	if err != nil {
		return nil, err
	}
	return n, n.ip("link set lo up")
}

// current opens the namespace of this thread.
func current() (*os.File, error) { return os.Open("/proc/thread-self/ns/net") }

// Do calls f on a thread in the namespace. Sockets and processes that f makes belong to the namespace too.
func (n *Namespace) Do(f func() error) error {
	return elsewhere(func() error { return unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET) }, f)
}

// elsewhere calls f on a thread that enter has moved to another namespace, and moves the thread back.
func elsewhere(enter, f func() error) error {
	runtime.LockOSThread()
	home, err := current()
	if err == nil {
		defer home.Close()
		err = enter()
	}
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	err = f()
	if e := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); e != nil {
		return errors.Join(err, e) // the thread is unusable: it stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return err
}

// Start starts a command in the namespace. It is killed when this process ends.
func (n *Namespace) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return n.Do(cmd.Start)
}

// ip runs commands of ip(8), one a line.
func (n *Namespace) ip(lines ...string) error {
	return n.batch("ip", lines...)
}

// batch runs commands of ip(8) or tc(8), one a line.
func (n *Namespace) batch(program string, lines ...string) error {
	cmd := exec.Command(program, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := n.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("there is no program %s: install iproute2", program)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %s", program, strings.Join(lines, "; "), strings.Join(strings.Fields(said.String()), " "))
	}
	return nil
}

// traffic returns what a device has sent.
func (n *Namespace) traffic(device string) (t Traffic, err error) {
	var table []byte
	if err := n.Do(func() error { table, err = os.ReadFile("/proc/thread-self/net/dev"); return err }); err != nil {
		return t, err
	}
	for line := range strings.Lines(string(table)) {
		if name, figures, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == device {
			var skip uint64
			fmt.Sscan(figures, &skip, &skip, &skip, &skip, &skip, &skip, &skip, &skip, &t.Bytes, &t.Packets)
		}
	}
	return t, nil
}

// close releases the namespace.
func (n *Namespace) close() error {
	if n == nil {
		return nil
	}
	return n.file.Close()
}
