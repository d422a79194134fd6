package datagram

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNetnsAnswers has a machine with several addresses on one interface, and a cable between two network namespaces. It
// asks at each address, and then takes the addresses away. It needs root.
func TestNetnsAnswers(t *testing.T) {
	runtime.LockOSThread() // for good: the thread, which ends with the test, is in a namespace of its own
	here := newNamespace(t)
	there := newNamespace(t)
	ip(t, fmt.Sprintf("link add cable type veth peer name cable netns /proc/%d/fd/%d", os.Getpid(), here.Fd()))
	addresses := func(verb string, hosts ...int) {
		for _, host := range hosts {
			ip(t, fmt.Sprintf("address %s 10.88.0.%d/24 broadcast 10.88.0.255 dev cable", verb, host),
				fmt.Sprintf("address %s fd88::%d/64 dev cable nodad", verb, host),
				fmt.Sprintf("address %s fe80::%d/64 dev cable nodad", verb, host))
		}
	}
	const up = "link set cable addrgenmode none up"
	addresses("add", 2, 3)
	ip(t, up)
	enter(t, here)
	addresses("add", 1)
	ip(t, up)

	enter(t, there)
	for name, in := range wildcards(t) {
		enter(t, here)
		type asker struct {
			out  *UDP
			from netip.AddrPort
		}
		askers := map[string]asker{}
		hosts := []string{"10.88.0.2", "10.88.0.3", "10.88.0.255"}
		if !in.tx.inet4 {
			hosts = append(hosts, "fd88::2", "fd88::3", "fe80::2%cable", "fe80::3%cable")
		}
		for _, host := range hosts {
			out, from := ask(t, in, netip.MustParseAddr(host))
			askers[host] = asker{out, from}
		}
		check := func(host, want string) {
			t.Helper()
			t.Log(name, host)
			checkSource(t, in, askers[host].out, askers[host].from, netip.MustParseAddr(want))
		}
		for _, host := range hosts {
			if host == "10.88.0.255" {
				check(host, "10.88.0.2") // the interface's own
			} else {
				check(host, host)
			}
		}
		enter(t, there)
		addresses("del", 3)
		enter(t, here)
		for _, host := range hosts {
			if strings.Contains(host, "3") {
				check(host, strings.Replace(host, "3", "2", 1)) // which is still there
			}
		}
		enter(t, there)
		addresses("add", 3)
	}
}

// newNamespace puts this thread into a network namespace that nobody else is in. The kernel removes it when the file is
// closed and the thread has gone.
func newNamespace(t *testing.T) *os.File {
	t.Helper()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespaces here (root can make them): %v", err)
	}
	file, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	ip(t, "link set lo up")
	return file
}

// enter puts this thread into a namespace.
func enter(t *testing.T, namespace *os.File) {
	t.Helper()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

// ip runs commands of ip(8) in this thread's namespace.
func ip(t *testing.T, lines ...string) {
	t.Helper()
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs iproute2's ip")
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(lines, "; "), err, said.String())
	}
}
