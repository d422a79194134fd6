package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"udpcam/protocol/mjpeg"
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

// Networks that lose packets both ways. Frames are written to send's standard input as a camera would, and read from
// recv's standard output: nearly all of them have to come, none damaged, none twice, none after a newer one.
func TestE2ENetnsLoss(t *testing.T) {
	need(t, "nft")
	const pictures, more = 90, 3 // more behind those that count: when one of these has come, nothing is waited for any more
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
// recv's standard output on the right one. None may come damaged, twice, or after a newer one. It returns how long those
// took that came, in no order; only the first count, and the others make sure that nothing is waited for behind them.
func cross(t *testing.T, left, right machine, film [][]byte, first int, fps time.Duration, flags ...string) (delays []time.Duration) {
	t.Helper()
	arrived := &arrivals{}
	in := arrived.of(t, right.command(udpcamCommand(t).Path, "recv", "--out", "-"))
	in.says(t, "listening")
	sender := left.command(append([]string{udpcamCommand(t).Path, "send", "--addr", "10.77.0.2:12345", "--source", "-"}, flags...)...)
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
