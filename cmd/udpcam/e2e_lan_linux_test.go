package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A lan is machines whose cables all lead to one router. Machine i has the address 10.77.i.2, from 1 up. Whoever sits at the
// router hears all packets, and can send any: that is where the attacker is. It also has 50 addresses of each machine's
// network, 10.77.i.101 to 150.
type lan struct {
	router   machine
	machines []machine // machine i is at i-1
}

// newLAN makes a network of so many machines.
func newLAN(t *testing.T, n int) *lan {
	t.Helper()
	need(t, "unshare", "nsenter", "ip")
	keep := []string{"unshare", "--net", "sh", "-c", "echo; exec sleep infinity"} // no --user: raw sockets need root
	l := &lan{router: newMachine(t, 0, exec.Command(keep[0], keep[1:]...))}
	var batch strings.Builder
	for i := 1; i <= n; i++ {
		m := newMachine(t, i, exec.Command(keep[0], keep[1:]...))
		l.machines = append(l.machines, m)
		fmt.Fprintf(&batch, "link add name port%d type veth peer name cable netns %s\n", i, m.pid)
		fmt.Fprintf(&batch, "address add 10.77.%d.1/24 dev port%d\nlink set port%d gso_max_segs 1 up\n", i, i, i)
		for a := 101; a <= 150; a++ {
			fmt.Fprintf(&batch, "address add 10.77.%d.%d/24 dev port%d\n", i, a, i)
		}
	}
	l.router.batch(t, batch.String())
	l.router.run(t, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; "+
		"echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter")
	for i, m := range l.machines {
		m.batch(t, fmt.Sprintf("link set lo up\naddress add 10.77.%d.2/24 dev cable\nlink set cable gso_max_segs 1 up\n"+
			"route add default via 10.77.%d.1\n", i+1, i+1))
	}
	return l
}

// batch runs commands of ip(8), one a line.
func (m machine) batch(t *testing.T, commands string) {
	t.Helper()
	cmd := m.command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(commands)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
}

// link pulls a machine's plug or puts it in.
func (l *lan) link(t *testing.T, host int, up string) {
	t.Helper()
	l.router.run(t, "ip", "link", "set", fmt.Sprintf("port%d", host), up)
}

// addr is the IP address of machine i.
func (l *lan) addr(i int) string { return fmt.Sprintf("10.77.%d.2", i) }

// do calls f on a thread that is on the machine. Sockets that f opens belong to the machine.
func (m machine) do(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	there, err := os.Open("/proc/" + m.pid + "/ns/net")
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	failed := f()
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		return err // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return failed
}

// dial connects from the machine, with one of its own IP addresses, or "" for any.
func (m machine) dial(own, to string) (conn net.Conn, err error) {
	dialer := net.Dialer{Timeout: patience}
	if own != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(own)}
	}
	err = m.do(func() (err error) { conn, err = dialer.Dial("tcp4", to); return err })
	return conn, err
}
