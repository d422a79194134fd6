package main_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Hubs, publishers and edges are killed at random and come back, and the network goes down now and then. No picture is damaged,
// shown twice, or shown after a newer one. Afterwards all goes on, and no process has grown.
func TestE2ENetnsHubSoak(t *testing.T) {
	m := newMachineAlone(t)
	n := newHubNet(t, m)
	all := "nats://127.0.0.1:4221,nats://127.0.0.1:4222,nats://127.0.0.1:4223"
	type part struct {
		begin func() *process
		p     *process
		back  time.Time // when it is started again, zero if it runs
	}
	var parts []*part
	add := func(begin func() *process) { parts = append(parts, &part{begin: begin, p: begin()}) }
	for i := range 3 {
		add(func() *process {
			return n.start(
				m,
				"hub",
				"--name",
				[]string{"h1", "h2", "h3"}[i],
				"--listen",
				"127.0.0.1:422"+string(rune('1'+i)),
				"--cluster-listen",
				"127.0.0.1:622"+string(rune('1'+i)),
				"--leaf-listen",
				"127.0.0.1:742"+string(rune('1'+i)),
				"--cluster",
				"nats://127.0.0.1:6221",
				"--cluster",
				"nats://127.0.0.1:6222",
				"--cluster",
				"nats://127.0.0.1:6223",
			)
		})
	}
	for _, port := range []string{"5001", "5002"} {
		add(func() *process {
			return n.start(m, "recv", "--addr", "127.0.0.1:"+port, "--hub", all, "--site", "barn")
		})
	}
	var watchers []*watcher
	camera := newNumberedCamera(t, m, "door", readFile(t, street(t, 1)[0]), cameraRate, "127.0.0.1:5001", "127.0.0.1:5002")
	for i := range 3 {
		add(func() *process {
			return n.start(m, "serve", "--http", "127.0.0.1:808"+string(rune('1'+i)), "--hub", all, "--site", "house")
		})
		watchers = append(watchers, n.watch(camera, site{m, "127.0.0.1:808" + string(rune('1'+i))}))
	}

	random := rand.New(rand.NewPCG(1, 2))
	period := *soakFor / 4
	if testing.Short() {
		period = 10 * time.Second
	}
	most, kills := 0, 0
	for end := time.Now().Add(period); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, q := range parts {
			if !q.back.IsZero() && time.Now().After(q.back) {
				q.p, q.back = q.begin(), time.Time{}
			}
			if q.back.IsZero() {
				most = max(most, q.p.resident(t))
			}
		}
		switch random.IntN(20) {
		case 0:
			if q := parts[random.IntN(len(parts))]; q.back.IsZero() {
				q.p.kill()
				q.back = time.Now().Add(time.Duration(random.IntN(1500)) * time.Millisecond)
				kills++
			}
		case 1:
			if random.IntN(4) == 0 {
				m.run(t, "ip", "link", "set", "lo", "down")
				time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
				m.run(t, "ip", "link", "set", "lo", "up")
			}
		}
	}
	for _, q := range parts {
		if !q.back.IsZero() {
			q.p = q.begin()
		}
	}
	shown := 0
	for _, w := range watchers {
		last := w.newest()
		until(t, "pictures come to "+w.where, func() bool { return w.newest() > last+60 })
		w.fine(t)
		shown += len(w.since(time.Time{}))
	}
	t.Logf("%d kills in %v; %d pictures were shown; the largest process had %d MB", kills, period, shown, most/1e6)
	if most > 100e6 {
		t.Errorf("a process had %d MB", most/1e6)
	}
}
