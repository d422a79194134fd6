package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// come waits until a second of pictures has come to each viewer, and fails if that takes too long.
func come(t *testing.T, what string, began time.Time, viewers ...viewerProcess) {
	t.Helper()
	var before []int
	for _, v := range viewers {
		before = append(before, v.last(t).Frames)
	}
	for i, v := range viewers {
		until(t, "pictures come after "+what, func() bool { return v.last(t).Frames > before[i]+30 })
	}
	took := time.Since(began) - 2*time.Second // a second of pictures, and a status each second
	if t.Logf("%s: back after at most %v", what, took); took > 4*time.Second {
		t.Errorf("%s: back only after %v", what, took)
	}
}

// hide puts a machine behind a router that translates addresses, and lets in nothing that nobody there has asked for.
func (l *lan) hide(t *testing.T, machine int) {
	t.Helper()
	l.router.nft(t, fmt.Sprintf(`add table ip udpcam
		add chain ip udpcam forward { type filter hook forward priority 0; }
		add chain ip udpcam nat { type nat hook postrouting priority 100; }
		add rule ip udpcam forward oifname port%[1]d ct state new drop
		add rule ip udpcam nat oifname != port%[1]d ip saddr 10.77.%[1]d.0/24 masquerade`, machine))
}

// The camera is machine 1, the relay machine 2, and the viewers are machines 3, behind NAT, and 4. Between camera and relay, and
// between relay and machine 3, a twentieth of all packets is lost. The camera restarts, and so does the relay.
func TestE2ENetnsRelay(t *testing.T) {
	need(t, "nft")
	l := newLAN(t, 4)
	l.hide(t, 3)
	for _, port := range []string{"port1", "port3"} {
		l.router.nft(t, fmt.Sprintf(`add rule ip udpcam forward iifname %[1]s numgen random mod 100 < 5 drop
			add rule ip udpcam forward oifname %[1]s numgen random mod 100 < 5 drop`, port))
	}
	path, _ := film(t, 40, street(t, 5, 6, 7, 8)...)
	openCamera := func() *process {
		return l.machines[0].udpcam(t, "send", "--listen", "--name", "door", "--source", path, "--fps", "30", "--loop")
	}
	openRelay := func() *process {
		return l.machines[1].udpcam(t, "relay", "--from", l.addr(1), "--listen", "--linger", "2s")
	}
	camera, relay := openCamera(), openRelay()
	relay.says(t, "stream appears.*stream=door")
	view := func(machine int) viewerProcess {
		return viewerProcess{l.machines[machine-1].udpcam(t, "recv", "--from", l.addr(2), "--json")}
	}
	began := time.Now()
	hidden, clean := view(3), view(4)
	come(t, "the start", began, hidden, clean)
	time.Sleep(2 * time.Second) // the paths get to be known
	from := []received{hidden.last(t), clean.last(t)}
	time.Sleep(10 * time.Second)
	for i, v := range []viewerProcess{hidden, clean} {
		got := v.last(t).since(from[i])
		t.Logf("viewer %d: %+v", i+3, got)
		if got.Dropped*100 > got.Frames || got.Frames < 250 {
			t.Errorf("viewer %d: %+v", i+3, got)
		}
	}
	if n := strings.Count(camera.stderr.String(), "a receiver has subscribed"); n != 1 {
		t.Errorf("the camera has had %d receivers, not the relay alone", n)
	}

	camera.kill()
	time.Sleep(500 * time.Millisecond)
	camera, began = openCamera(), time.Now()
	come(t, "a restart of the camera", began, hidden, clean)

	relay.kill()
	time.Sleep(500 * time.Millisecond)
	relay, began = openRelay(), time.Now()
	come(t, "a restart of the relay", began, hidden, clean)

	hidden.stop(t)
	clean.stop(t)
	for _, v := range []viewerProcess{hidden, clean} {
		if n := strings.Count(v.stderr.String(), "stream appears"); n != 1 {
			t.Errorf("the viewer has seen %d streams, want one:\n%s", n, v.stderr.String())
		}
	}
	relay.says(t, "nobody watches: the senders are left")
	camera.says(t, "a receiver has left")
}

// Camera and relay are on machine 3, behind a NAT that lets nobody in. A second relay on machine 2, which all can reach, takes what
// the first one sends, and offers it to machine 4.
func TestE2ENetnsRelayOut(t *testing.T) {
	need(t, "nft")
	l := newLAN(t, 4)
	l.hide(t, 3)
	home := l.machines[2]
	home.udpcam(t, "send", "--listen", "127.0.0.1:12345", "--name", "door", "--source", "test:").says(t, "listening")
	l.machines[1].udpcam(t, "relay", "--receive", ":5000", "--listen").says(t, "listening")
	inner := home.udpcam(t, "relay", "--from", "127.0.0.1", "--addr", l.addr(2)+":5000")
	inner.says(t, "a receiver answers")
	viewer := viewerProcess{l.machines[3].udpcam(t, "recv", "--from", l.addr(2), "--json")}
	come(t, "the start", time.Now(), viewer)
	viewer.stop(t)
	viewer.says(t, `stream appears","stream":"door"`)
	inner.stop(t)
}

// With --from all a relay finds the camera of this network, and no relay. Others find it, and know that it relays.
func TestE2ENetnsRelayFind(t *testing.T) {
	left, right := cable(t)
	for _, m := range []machine{left, right} {
		m.run(t, "ip", "link", "set", "lo", "up")
	}
	left.udpcam(t, "send", "--listen", "--name", "door", "--source", "test:").says(t, "listening")
	relay := right.udpcam(t, "relay", "--from", "all", "--listen")
	relay.says(t, "found a stream.*stream=door")
	relay.says(t, "stream appears")
	second := right.udpcam(t, "relay", "--from", "all", "--listen", ":6000")
	second.says(t, "stream appears")
	viewer := left.udpcam(t, "recv", "--from", "10.77.0.2:6000")
	viewer.says(t, "stream appears")
	viewer.stop(t)
	for _, r := range []*process{relay, second} {
		r.stop(t)
		if log := r.stderr.String(); strings.Contains(log, "10.77.0.2") || strings.Count(log, "stream appears") != 1 {
			t.Errorf("a relay takes streams from a relay:\n%s", log)
		}
	}
}
