package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The tests named TestE2ENetns run on a network of their own: two machines, each a network namespace of Linux, with an
// Ethernet cable between them. Root can make those, and on many systems everybody.

// A machine is one end of the cable.
type machine struct {
	pid  string // of the process that keeps the namespace
	host int    // the last number of its addresses, 10.77.0.1 and fd77::1
}

// cable returns two machines that a cable connects. Every packet crosses it by itself, as it would a real one: without
// gso_max_segs the two ends pass each other many in one.
func cable(t *testing.T) (left, right machine) {
	t.Helper()
	need(t, "unshare", "nsenter", "ip")
	var asRoot []string // what only root can do in a namespace of its own
	if os.Geteuid() != 0 {
		asRoot = []string{"--user", "--map-root-user"}
	}
	keep := []string{"unshare", "--net", "sh", "-c", "echo; exec sleep infinity"}
	left = newMachine(t, 1, exec.Command(keep[0], append(asRoot, keep[1:]...)...))
	right = newMachine(t, 2, left.command(keep...))
	left.run(t, "ip", "link", "add", "name", "cable", "type", "veth", "peer", "name", "cable", "netns", right.pid)
	for _, m := range []machine{left, right} {
		m.run(t, "ip", "address", "add", fmt.Sprintf("10.77.0.%d/24", m.host), "dev", "cable")
		m.run(t, "ip", "address", "add", fmt.Sprintf("fd77::%d/64", m.host), "dev", "cable", "nodad")
		m.run(t, "ip", "link", "set", "cable", "addrgenmode", "none", "gso_max_segs", "1", "up")
	}
	for _, m := range []machine{left, right} {
		until(t, "the link is up", func() bool {
			return strings.Contains(m.run(t, "ip", "link", "show", "cable"), "state UP")
		})
	}
	return left, right
}

// newMachine starts the command that makes a machine, which writes a line when it has.
func newMachine(t *testing.T, host int, keeper *exec.Cmd) machine {
	t.Helper()
	p := start(t, keeper)
	until(t, "there is a namespace", func() bool {
		select {
		case <-p.done:
			t.Skipf("no network namespaces here: %s", p.stderr.String())
		default:
		}
		return p.stdout.Len() > 0
	})
	return machine{pid: fmt.Sprint(p.cmd.Process.Pid), host: host}
}

// command is a command that runs on the machine.
func (m machine) command(args ...string) *exec.Cmd {
	enter := []string{"--target", m.pid, "--net"}
	if os.Geteuid() != 0 {
		enter = append(enter, "--user", "--preserve-credentials")
	}
	return exec.Command("nsenter", append(append(enter, "--"), args...)...)
}

func (m machine) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// udpcam starts the command on the machine.
func (m machine) udpcam(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, m.command(append([]string{udpcamCommand(t).Path}, args...)...))
}

// A network that loses one packet in a hundred loses frames, but damages none and changes no order.
func TestE2ENetnsLoss(t *testing.T) {
	need(t, "nft")
	left, right := cable(t)
	right.run(t, "nft", "add table inet loss; "+
		"add chain inet loss in { type filter hook input priority 0; }; "+
		"add rule inet loss in udp dport 12345 numgen random mod 100 < 1 counter drop")

	const pictures = 100
	path, content := numberedFilm(t, pictures, street(t, 4)[0])
	receiver := right.udpcam(t, "recv", "--out", "-")
	receiver.says(t, "listening")
	left.udpcam(t, "send", "--addr", "10.77.0.2:12345", "--source", path).ends(t, 0)
	receiver.stop(t)

	got := frames(t, receiver.stdout.Bytes())
	only(t, got, frames(t, content))
	last := -1
	for _, picture := range got {
		if n := numberOf(picture); n <= last {
			t.Errorf("frame %d comes after %d", n, last)
		} else {
			last = n
		}
	}
	t.Logf("%d of %d frames have come", len(got), pictures)
	if len(got) < pictures/4 {
		t.Error("too few")
	}
	if rules := right.run(t, "nft", "list ruleset"); strings.Contains(rules, "packets 0 ") {
		t.Errorf("the network has lost nothing:\n%s", rules)
	}
}

// One stream reaches everyone who has joined a multicast group.
func TestE2ENetnsMulticast(t *testing.T) {
	for _, group := range []string{"239.77.1.2:12345", "[ff15::7712]:12345"} {
		t.Run(group, func(t *testing.T) {
			left, right := cable(t)
			var receivers []*process
			for range 2 {
				r := right.udpcam(t, "recv", "--addr", group, "--interface", "cable", "--out", "-")
				r.says(t, "listening")
				receivers = append(receivers, r)
			}
			path, content := film(t, 5, street(t, 5, 6, 7, 8)...)
			left.udpcam(t, "send", "--addr", group, "--interface", "cable", "--source", path).ends(t, 0)
			for _, r := range receivers {
				until(t, "everything has come out", func() bool { return r.stdout.Len() >= len(content) })
				r.stop(t)
				if !bytes.Equal(r.stdout.Bytes(), content) {
					t.Error("what came out is not what went in")
				}
			}
		})
	}
}
