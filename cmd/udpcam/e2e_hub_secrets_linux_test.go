package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a secret does not allow does not happen, and each mistake is told with what to do.
func TestE2ENetnsHubSecrets(t *testing.T) {
	m := newMachineAlone(t)
	n := newHubNet(t, m)
	n.hub(m, 1)
	open := m.udpcam(t, "hub", "--listen", "127.0.0.1:4229", "--leaf-listen", "127.0.0.1:7429")
	open.says(t, "this machine alone")
	derive := func(args ...string) string {
		out := run(t, udpcamCommand(t).Path, append([]string{"hub", "secret", "--hub-secret-file", n.secret}, args...)...)
		return string(bytes.TrimSpace(out))
	}
	other := string(bytes.TrimSpace(run(t, udpcamCommand(t).Path, "key")))
	for name, tt := range map[string]struct{ secret, hub, says string }{
		"no hub":         {"", "nats://127.0.0.1:4", "start one there with udpcam hub"},
		"no secret":      {"", "nats://127.0.0.1:4221", "give it with --hub-secret-file"},
		"another secret": {other, "nats://127.0.0.1:4221", "the hub has another secret"},
		"too much":       {other, "nats://127.0.0.1:4229", "the hub has no secret"},
	} {
		p := m.udpcam(t, "hub", "ls", "--hub", tt.hub, "--hub-secret", tt.secret)
		p.ends(t, 1)
		if !strings.Contains(p.stderr.String(), tt.says) {
			t.Errorf("%s: %s", name, p.stderr.String())
		}
	}

	publish := func(port int, secret string) *process {
		return m.udpcam(
			t,
			"recv",
			"--addr",
			fmt.Sprintf(":%d", port),
			"--hub",
			"nats://127.0.0.1:4221",
			"--hub-secret",
			secret,
			"--site",
			"barn",
		)
	}
	publish(5001, derive("--camera", "door")).says(t, "connected to the hub")
	viewer := m.udpcam(
		t,
		"serve",
		"--http",
		"127.0.0.1:8080",
		"--hub",
		"nats://127.0.0.1:4221",
		"--hub-secret",
		derive("--viewer"),
		"--site",
		"house",
	)
	viewer.url(t)
	door := newNumberedCamera(t, m, "door", readFile(t, street(t, 1)[0]), cameraRate, "127.0.0.1:5001")
	newNumberedCamera(t, m, "yard", readFile(t, street(t, 2)[0]), cameraRate, "127.0.0.1:5001")
	page := site{m, "127.0.0.1:8080"}
	w := n.watch(door, page)
	list := n.start(m, "hub", "ls", "--hub", "nats://127.0.0.1:4221", "--json")
	list.ends(t, 0)
	kinds := map[string]int{}
	for line := range bytes.Lines(list.stdout.Bytes()) {
		var info struct{ Kind string }
		if err := json.Unmarshal(line, &info); err != nil {
			t.Fatal(err)
		}
		kinds[info.Kind]++
	}
	if kinds["hub"] != 1 || kinds["publisher"] != 1 || kinds["edge"] != 1 {
		t.Errorf("hub ls lists %v:\n%s", kinds, list.stdout.String())
	}

	// The camera's secret is for the door alone: nobody sees the yard.
	yard := newWatcher(&numberedCamera{name: "yard"}, "yard")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	yard.mjpeg(ctx, page)
	if yard.newest() >= 0 || len(yard.seen) > 0 {
		t.Error("the yard can be watched")
	}
	// A viewer's secret publishes nothing.
	bad := publish(5002, derive("--viewer"))
	newNumberedCamera(t, m, "gate", readFile(t, street(t, 2)[0]), cameraRate, "127.0.0.1:5002")
	bad.says(t, "does not let udpcam do that")
	w.fine(t)
}

// While nobody watches, next to nothing goes over a site's connection. The page of an edge says what is down.
func TestE2ENetnsHubQuiet(t *testing.T) {
	left, right := cable(t)
	n := newHubNet(t, left, right)
	hub := n.hub(left, 1, "--http", "127.0.0.1:8082")
	n.hub(right, 3, "--leaf", "nats://10.77.0.1:7421", "--site", "house")
	n.start(left, "recv", "--addr", ":5001", "--hub", "nats://127.0.0.1:4221", "--site", "barn", "--http", "127.0.0.1:8081").
		url(t)
	camera := newNumberedCamera(t, left, "door", readFile(t, street(t, 1)[0]), cameraRate, "127.0.0.1:5001")
	_, page := n.edge(right, 8080, "nats://127.0.0.1:4223")
	told := func(what string) {
		t.Helper()
		until(t, "the page says "+what, func() bool {
			text, _ := page.get(t.Context(), "/api/v1/streams")
			return strings.Contains(string(text), what)
		})
	}
	told(`"status":"idle"`)
	told(`"site":"barn","hub":"h1"`)
	traffic := func() int {
		_, counts, _ := strings.Cut(left.run(t, "cat", "/proc/net/dev"), "cable:")
		fields := strings.Fields(counts)
		rx, _ := strconv.Atoi(fields[0])
		tx, _ := strconv.Atoi(fields[8])
		return rx + tx
	}
	time.Sleep(3 * time.Second) // the edge has asked who is there
	before, period := traffic(), 10*time.Second
	time.Sleep(period)
	rate := float64(traffic()-before) / period.Seconds()
	t.Logf("%.0f B/s, Ethernet headers included, both ways together", rate)
	if rate > 1000 {
		t.Errorf("%.0f B/s while nobody watches", rate)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := newWatcher(camera, "edge")
	go w.mjpeg(ctx, page)
	until(t, "pictures come", func() bool { return w.newest() > 0 })
	metrics := ""
	for _, s := range []site{page, {left, "127.0.0.1:8081"}, {left, "127.0.0.1:8082"}} {
		text, err := s.get(t.Context(), "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		metrics += string(text)
	}
	dashboard, err := page.get(t.Context(), "/static/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`udpcam_hub_\w+`).FindAllString(string(dashboard), -1) {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("the dashboard asks for %s, which does not exist", name)
		}
	}
	hub.kill()
	told(`its connection to the hub may be down`)
}
