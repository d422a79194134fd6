package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"udpcam/protocol/mjpeg"
)

// The tests named TestE2ENetns run on a network of their own: two machines, each a network namespace of Linux, with an
// Ethernet cable between them. Root can make namespaces. On many systems all users can.

// A machine is one end of the cable.
type machine struct {
	pid  string // ID of the process that keeps the namespace
	host int    // the last number of its addresses, 10.77.0.1 and fd77::1
}

// cable returns two machines that a cable connects. Every packet crosses it by itself, as on a real cable. Without
// gso_max_segs, the two ends would pass many packets as one.
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
	plug(t, left, right)
	return left, right
}

// plug connects two machines by a cable. They have none.
func plug(t *testing.T, left, right machine) {
	t.Helper()
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

// The network loses packets both ways. Frames are written to send's standard input as a camera would write them, and read
// from recv's standard output. Nearly all must arrive. None may be damaged, come twice, or come after a newer one.
func TestE2ENetnsLoss(t *testing.T) {
	need(t, "nft")
	const pictures, more = 90, 3 // frames after those that count: when one of them has come, no earlier frame can still come
	_, content := numberedFilm(t, pictures+more, street(t, 4)[0])
	film := frames(t, content)
	for _, loss := range []struct {
		percent, delivered int // at least
	}{{0, 100}, {1, 99}, {5, 98}, {10, 97}} {
		t.Run(fmt.Sprintf("%d%%", loss.percent), func(t *testing.T) {
			left, right := cable(t)
			for _, m := range []machine{left, right} {
				m.run(t, "nft", fmt.Sprintf("add table inet loss; "+
					"add counter inet loss seen; "+
					"add chain inet loss in { type filter hook input priority 0; }; "+
					"add rule inet loss in meta l4proto udp counter name seen; "+
					"add rule inet loss in meta l4proto udp numgen random mod 100 < %d counter drop", loss.percent))
			}
			delays := cross(t, left, right, film, pictures, 30)
			seen := right.run(t, "nft", "list counter inet loss seen")
			slices.Sort(delays)
			if len(delays)*100 < pictures*loss.delivered {
				t.Fatalf("%d of %d frames have come", len(delays), pictures)
			}
			var packets, bytes float64
			fmt.Sscanf(seen[strings.Index(seen, "packets"):], "packets %g bytes %g", &packets, &bytes)
			t.Logf("loss %d %%: %.1f %% of %d frames delivered, p50 %v, p99 %v, wire bytes over picture bytes %.2f", loss.percent,
				100*float64(len(delays))/float64(pictures), pictures, delays[len(delays)/2].Round(10*time.Microsecond),
				delays[len(delays)*99/100].Round(10*time.Microsecond), bytes/float64(len(content)))
		})
	}
}

// cross writes the pictures of a numbered film to send's standard input on the left machine, as a camera would, and reads
// recv's standard output on the right one. No picture may come damaged, twice, or after a newer one. It returns the delays
// of the pictures that came, in no order. first is how many pictures count. Further ones follow, so that no picture that
// counts is the last of the stream.
func cross(t *testing.T, left, right machine, film [][]byte, first int, fps time.Duration,
	flags ...string) (delays []time.Duration) {

	t.Helper()
	arrived := &arrivals{}
	in := arrived.of(t, right.command(udpcamCommand(t).Path, "recv", "--out", "-"))
	in.says(t, "listening")
	send := []string{udpcamCommand(t).Path, "send", "--addr", "10.77.0.2:12345", "--source", "-"}
	sender := left.command(append(send, flags...)...)
	camera, err := sender.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := start(t, sender)
	written := make([]time.Time, len(film))
	tick := time.NewTicker(time.Second / fps)
	defer tick.Stop()
	for i, picture := range film {
		<-tick.C
		written[i] = time.Now()
		if _, err := camera.Write(picture); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the last frames come", func() bool { return arrived.newest() >= first })
	camera.Close()
	out.ends(t, 0)
	in.stop(t)

	last := -1
	<-arrived.ended
	for _, a := range arrived.list {
		n := numberOf(a.picture)
		if n <= last || !bytes.Equal(a.picture, film[n]) {
			t.Fatalf("frame %d after frame %d is damaged, or came twice or too late", n, last)
		}
		if last = n; n < first {
			delays = append(delays, a.at.Sub(written[n]))
		}
	}
	return delays
}

// A tunnel on the way takes smaller packets than the cable before it. The router says so by ICMP, or the sender does not
// hear that. In both cases all frames come after a while. If the sender hears the router, nothing travels in fragments.
func TestE2ENetnsMTU(t *testing.T) {
	need(t, "nft")
	const pictures, rate = 120, 30
	_, content := numberedFilm(t, pictures, street(t, 4)[0])
	film := frames(t, content)
	for _, c := range []struct {
		name, to string
		heard    bool
		lost     int // frames at the beginning, at most
	}{
		{"IPv4", "10.78.0.2:12345", true, 5},
		{"IPv6", "[fd78::2]:12345", true, 5},
		{"IPv4, a black hole", "10.78.0.2:12345", false, 2 * rate},
		{"IPv6, a black hole", "[fd78::2]:12345", false, 2 * rate},
	} {
		t.Run(c.name, func(t *testing.T) {
			left, router, right := tunnel(t, 1280)
			if !c.heard {
				left.run(t, "nft", "add table inet mute; add chain inet mute in { type filter hook input priority 0; }; "+
					"add rule inet mute in icmp type destination-unreachable drop; "+
					"add rule inet mute in icmpv6 type packet-too-big drop")
			}
			arrived := &arrivals{}
			in := arrived.of(t, right.command(udpcamCommand(t).Path, "recv", "--addr", c.to, "--out", "-"))
			in.says(t, "listening")
			sender := left.command(udpcamCommand(t).Path, "send", "--addr", c.to, "--source", "-")
			camera, err := sender.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out := start(t, sender)
			tick := time.NewTicker(time.Second / rate)
			defer tick.Stop()
			for _, picture := range film {
				<-tick.C
				if _, err := camera.Write(picture); err != nil {
					t.Fatal(err)
				}
			}
			until(t, "the last frame comes", func() bool { return arrived.newest() == pictures-1 })
			camera.Close()
			out.ends(t, 0)
			in.stop(t)
			<-arrived.ended
			if n := strings.Count(out.stderr.String(), "smaller datagrams from here on"); n != 1 {
				t.Errorf("smaller datagrams were told of %d times:\n%s", n, out.stderr.String())
			}
			first := numberOf(arrived.list[0].picture)
			t.Logf("the first frame that came was number %d, then %d of %d", first, len(arrived.list), pictures-first)
			if first > c.lost || len(arrived.list) != pictures-first {
				t.Error("all have to come from number", c.lost, "on")
			}
			for _, m := range []machine{left, router} {
				if n := m.fragments(t); n != 0 {
					t.Errorf("%d fragments were sent", n)
				}
			}
		})
	}
}

// The tunnel takes larger packets after a while. Then the sender sends larger datagrams again.
func TestE2ENetnsMTUGrows(t *testing.T) {
	path, _ := film(t, 20, street(t, 1, 2, 3, 4)...)
	left, router, right := tunnel(t, 1280)
	right.udpcam(t, "recv", "--addr", "10.78.0.2:12345", "--out", "-").says(t, "listening")
	sender := left.udpcam(t, "send", "--addr", "10.78.0.2:12345", "--source", path, "--fps", "30", "--loop")
	sender.says(t, "smaller datagrams.* now=1152")
	for _, m := range []machine{router, right} {
		m.run(t, "ip", "link", "set", "tunnel", "mtu", "1500")
	}
	sender.says(t, "larger datagrams.* now=1408")
}

// tunnel returns three machines in a row: 10.77.0.1, 10.78.0.1 and 10.78.0.2. The first and the last reach each other
// through the one in the middle. The link from there on takes packets of at most mtu bytes.
func tunnel(t *testing.T, mtu int) (left, router, right machine) {
	t.Helper()
	left, router = cable(t)
	right = newMachine(t, 3, left.command("unshare", "--net", "sh", "-c", "echo; exec sleep infinity"))
	router.run(t, "ip", "link", "add", "name", "tunnel", "mtu", fmt.Sprint(mtu), "type", "veth", "peer", "name", "tunnel",
		"mtu", fmt.Sprint(mtu), "netns", right.pid)
	for i, m := range []machine{router, right} {
		m.run(t, "ip", "address", "add", fmt.Sprintf("10.78.0.%d/24", i+1), "dev", "tunnel")
		m.run(t, "ip", "address", "add", fmt.Sprintf("fd78::%d/64", i+1), "dev", "tunnel", "nodad")
		// Routers look for each other at this address.
		m.run(t, "ip", "address", "add", fmt.Sprintf("fe80::%d/64", i+1), "dev", "tunnel", "nodad")
		m.run(t, "ip", "link", "set", "tunnel", "addrgenmode", "none", "gso_max_segs", "1", "up")
	}
	router.run(t, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	left.run(t, "ip", "route", "add", "10.78.0.0/24", "via", "10.77.0.2")
	left.run(t, "ip", "route", "add", "fd78::/64", "via", "fd77::2")
	right.run(t, "ip", "route", "add", "10.77.0.0/24", "via", "10.78.0.1")
	right.run(t, "ip", "route", "add", "fd77::/64", "via", "fd78::1")
	return left, router, right
}

// fragments is how many fragments of IP packets the machine has made.
func (m machine) fragments(t *testing.T) (n int) {
	t.Helper()
	ipv4 := strings.Split(m.run(t, "sh", "-c", "grep ^Ip: /proc/net/snmp"), "\n")
	names, counts := strings.Fields(ipv4[0]), strings.Fields(ipv4[1])
	var n4, n6 int
	fmt.Sscan(counts[slices.Index(names, "FragCreates")], &n4)
	for line := range strings.Lines(m.run(t, "cat", "/proc/net/snmp6")) {
		if rest, ok := strings.CutPrefix(line, "Ip6FragCreates"); ok {
			fmt.Sscan(rest, &n6)
		}
	}
	return n4 + n6
}

// Arrivals are the pictures that a command has written to its standard output, and when each was whole.
type arrivals struct {
	mu    sync.Mutex
	list  []arrival
	ended chan struct{} // closed when there are no more
}

type arrival struct {
	picture []byte
	at      time.Time
}

// of starts the command.
func (a *arrivals) of(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	p := start(t, cmd)
	w.Close()
	a.ended = make(chan struct{})
	go func() {
		defer close(a.ended)
		defer r.Close()
		for pictures := mjpeg.NewReader(r, mjpeg.ReaderOptions{}); ; {
			picture, err := pictures.Next()
			if err != nil {
				return
			}
			a.mu.Lock()
			a.list = append(a.list, arrival{picture, time.Now()})
			a.mu.Unlock()
		}
	}()
	return p
}

// newest is the number of the last picture that has come, -1 if none has.
func (a *arrivals) newest() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.list) == 0 {
		return -1
	}
	return numberOf(a.list[len(a.list)-1].picture)
}

// One stream reaches every receiver that has joined a multicast group.
func TestE2ENetnsMulticast(t *testing.T) {
	for _, group := range []string{"239.77.1.2:12345", "[ff15::7712]:12345"} {
		t.Run(group, func(t *testing.T) {
			left, right := cable(t)
			receivers := map[string]*process{}
			for _, name := range []string{"first.mjpg", "second.mjpg"} {
				recording := filepath.Join(t.TempDir(), name)
				receivers[recording] = right.udpcam(t, "recv", "--addr", group, "--interface", "cable", "--out", recording)
				receivers[recording].says(t, "listening")
			}
			path, content := film(t, 5, street(t, 5, 6, 7, 8)...)
			left.udpcam(t, "send", "--addr", group, "--interface", "cable", "--source", path).ends(t, 0)
			for recording, r := range receivers {
				until(t, "everything is recorded", func() bool { return fileSize(recording) >= len(content) })
				r.stop(t)
				if !bytes.Equal(readFile(t, recording), content) {
					t.Error("the recording differs from what was sent")
				}
			}
		})
	}
}
