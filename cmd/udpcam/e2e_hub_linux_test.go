package main_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A hubNet is hubs, publishers and edges on one or two machines of their own, so that ports are free.
type hubNet struct {
	t      *testing.T
	secret string // the file
}

func newHubNet(t *testing.T, machines ...machine) *hubNet {
	t.Helper()
	for _, m := range machines {
		m.run(t, "ip", "link", "set", "lo", "up")
	}
	n := &hubNet{t, filepath.Join(t.TempDir(), "hub.secret")}
	key := run(t, udpcamCommand(t).Path, "key")
	if err := os.WriteFile(n.secret, key, 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *hubNet) start(at machine, args ...string) *process {
	n.t.Helper()
	return at.udpcam(n.t, append(args, "--hub-secret-file", n.secret)...)
}

// hub starts hub number i of its machine: its ports end in i.
func (n *hubNet) hub(at machine, i int, args ...string) *process {
	n.t.Helper()
	p := n.start(at, append([]string{"hub", "--name", fmt.Sprintf("h%d", i), "--listen", fmt.Sprintf(":422%d", i),
		"--cluster-listen", fmt.Sprintf(":622%d", i), "--leaf-listen", fmt.Sprintf(":742%d", i)}, args...)...)
	p.says(n.t, "msg=hub")
	return p
}

// publisher starts recv, which publishes what comes to a port.
func (n *hubNet) publisher(at machine, port int, site, hubs string) *process {
	n.t.Helper()
	p := n.start(at, "recv", "--addr", fmt.Sprintf(":%d", port), "--hub", hubs, "--site", site, "--json")
	p.says(n.t, listening)
	return p
}

func (n *hubNet) edge(at machine, port int, hubs string) (*process, site) {
	n.t.Helper()
	p := n.start(
		at,
		"serve",
		"--http",
		fmt.Sprintf("127.0.0.1:%d", port),
		"--hub",
		hubs,
		"--site",
		fmt.Sprintf("edge%d", port),
		"--json",
	)
	p.url(n.t)
	return p, site{at, fmt.Sprintf("127.0.0.1:%d", port)}
}

// hubPicture is a picture of 118 kB.
func hubPicture(t *testing.T) []byte {
	picture := readFile(t, street(t, 1)[0])
	for len(picture) < 118_000 {
		picture = withComment(picture, bytes.Repeat([]byte{'x'}, min(118_000-len(picture), 60_000)))
	}
	return picture
}

// watch has a watcher look at an edge until the test ends, and waits for its first picture.
func (n *hubNet) watch(of *numberedCamera, s site) *watcher {
	n.t.Helper()
	w := newWatcher(of, s.host)
	ctx, cancel := context.WithCancel(n.t.Context())
	n.t.Cleanup(cancel)
	go w.mjpeg(ctx, s)
	until(n.t, "pictures come to "+s.host, func() bool { return w.newest() > 0 })
	return w
}

// since returns what a watcher has seen since a moment.
func (w *watcher) since(from time.Time) []sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, _ := slices.BinarySearchFunc(w.arrivals, from, func(s sighting, at time.Time) int { return s.at.Compare(at) })
	return slices.Clone(w.arrivals[i:])
}

// gap is the longest time without a picture since a moment, and missed how many pictures are missing.
func (w *watcher) gap(from time.Time) (longest time.Duration, missed int) {
	seen := w.since(from)
	for i := range seen[:max(0, len(seen)-1)] {
		longest = max(longest, seen[i+1].at.Sub(seen[i].at))
		missed += seen[i+1].n - seen[i].n - 1
	}
	return longest, missed
}

// fine fails the test if a watcher has seen a picture that was damaged, old, or there before.
func (w *watcher) fine(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.damaged+w.backwards+w.foreign > 0 {
		t.Errorf("%s: %d damaged, %d backwards, %d foreign: %s", w.where, w.damaged, w.backwards, w.foreign, w.example)
	}
}

// ages are how old pictures were when they were seen.
func (w *watcher) ages(from time.Time) (ages []time.Duration) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	for _, s := range w.since(from) {
		ages = append(ages, s.at.Sub(w.of.fed[s.n]))
	}
	slices.Sort(ages)
	return ages
}

// resident is how much memory a process has, in bytes.
func (p *process) resident(t *testing.T) int {
	t.Helper()
	fields := strings.Fields(string(readFile(t, fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))))
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

// A camera at one site is watched at another: camera, recv, hub, a route of 20 Mbit/s to a second hub, a leaf hub, edge. The
// stream has 28 Mbit/s. What fits comes, and pictures do not get older and older.
func TestE2ENetnsHubSlowLink(t *testing.T) {
	need(t, "tc")
	left, right := cable(t)
	n := newHubNet(t, left, right)
	a := n.hub(left, 1)
	b := n.hub(right, 2, "--cluster", "nats://10.77.0.1:6221")
	leaf := n.hub(right, 3, "--leaf", "nats://127.0.0.1:7422", "--site", "house")
	left.run(t, "tc", "qdisc", "add", "dev", "cable", "root", "tbf", "rate", "20mbit", "burst", "4000", "limit", "250000")
	n.publisher(left, 5001, "barn", "nats://127.0.0.1:4221")
	camera := newNumberedCamera(t, left, "door", hubPicture(t), cameraRate, "127.0.0.1:5001")
	_, page := n.edge(right, 8080, "nats://127.0.0.1:4223")
	w := n.watch(camera, page)

	period := 12 * time.Second
	began := time.Now()
	time.Sleep(period)
	ages, count := w.ages(began), len(w.since(began))
	fits := int(20e6 / 8 / 1.06 / 118_000 * period.Seconds()) // 6 % are headers
	half := len(ages) / 2
	early, late := w.ages(began)[half], w.ages(began.Add(period/2))
	t.Logf("%d of %d pictures that fit; p50 %v, p99 %v", count, fits, ages[half], ages[len(ages)*99/100])
	for name, p := range map[string]*process{"a": a, "b": b, "leaf": leaf} {
		memory := p.resident(t)
		t.Logf("hub %s has %d MB", name, memory/1e6)
		if memory > 80e6 {
			t.Errorf("hub %s has %d MB", name, memory/1e6)
		}
	}
	if count < fits*7/10 {
		t.Errorf("%d pictures came, and %d would fit", count, fits)
	}
	if ages[half] > 250*time.Millisecond || late[len(late)/2] > early+150*time.Millisecond {
		t.Errorf("pictures are %v old, and %v later", early, late[len(late)/2])
	}
	w.fine(t)
}

// Of three hubs one is killed, and then one hangs. Every edge goes on, and shows no picture twice or after a newer one. A
// second publisher of the same camera takes over when the first one dies.
func TestE2ENetnsHubFails(t *testing.T) {
	m := newMachineAlone(t)
	n := newHubNet(t, m)
	all := "nats://127.0.0.1:4221,nats://127.0.0.1:4222,nats://127.0.0.1:4223"
	var hubs []*process
	for i := range 3 {
		hubs = append(
			hubs,
			n.hub(
				m,
				i+1,
				"--cluster",
				"nats://127.0.0.1:6221",
				"--cluster",
				"nats://127.0.0.1:6222",
				"--cluster",
				"nats://127.0.0.1:6223",
			),
		)
	}
	publishers := []*process{n.publisher(m, 5001, "barn", all), n.publisher(m, 5002, "barn", all)}
	camera := newNumberedCamera(t, m, "door", readFile(t, street(t, 1)[0]), cameraRate, "127.0.0.1:5001", "127.0.0.1:5002")
	var edges []*process
	var watchers []*watcher
	for i := range 3 {
		edge, page := n.edge(m, 8081+i, all)
		edges = append(edges, edge)
		watchers = append(watchers, n.watch(camera, page))
	}
	happens := func(what string, most time.Duration, do func()) {
		t.Helper()
		from := time.Now()
		do()
		var goal []int
		for _, w := range watchers {
			goal = append(goal, w.newest()+60)
		}
		for i, w := range watchers {
			until(t, "pictures come to "+w.where, func() bool { return w.newest() > goal[i] })
			gap, missed := w.gap(from.Add(-100 * time.Millisecond))
			t.Logf("%s: %s: no picture for %v, %d missed", what, w.where, gap.Round(time.Millisecond), missed)
			if gap > most {
				t.Errorf("%s: %s: no picture for %v", what, w.where, gap)
			}
			w.fine(t)
		}
	}
	happens("nothing", 2*time.Second, func() {})
	stalled, others := watchers[0], watchers[1:]
	edges[0].cmd.Process.Signal(syscall.SIGSTOP)
	watchers = others
	happens("an edge is stalled", 2*time.Second, func() {})
	edges[0].cmd.Process.Signal(syscall.SIGCONT)
	watchers = append(watchers, stalled)
	until(t, "the stalled edge goes on", func() bool { return stalled.newest() >= others[0].newest()-60 })
	happens("a hub is killed", 3*time.Second, hubs[0].kill)
	happens("a hub hangs", 5*time.Second, func() { hubs[1].cmd.Process.Signal(syscall.SIGSTOP) })
	happens("it goes on", 5*time.Second, func() { hubs[1].cmd.Process.Signal(syscall.SIGCONT) })
	happens("a publisher is killed", 6*time.Second, publishers[0].kill)
}

func newMachineAlone(t *testing.T) machine {
	t.Helper()
	need(t, "unshare", "nsenter", "ip")
	keep := []string{"unshare", "--net", "sh", "-c", "echo; exec sleep infinity"}
	if os.Geteuid() != 0 {
		keep = slices.Insert(keep, 1, "--user", "--map-root-user")
	}
	return newMachine(t, 1, exec.Command(keep[0], keep[1:]...))
}
