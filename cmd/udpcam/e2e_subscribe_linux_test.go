package main_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The camera is machine 1. The viewers are behind a router that translates addresses (NAT): the camera sees only the router's
// own address. One viewer's path is clean, one loses a twentieth, and one carries half of the stream. Each must get what its own path
// carries.
func TestE2ENetnsSubscribe(t *testing.T) {
	need(t, "nft", "tc")
	l := newLAN(t, 4)
	l.translate(t, "masquerade")
	l.router.nft(t, `add rule ip udpcam forward iifname port3 numgen random mod 100 < 5 drop
		add rule ip udpcam forward oifname port3 numgen random mod 100 < 5 drop`)
	l.router.run(t, "tc", "qdisc", "add", "dev", "port4", "root", "tbf", "rate", "2mbit", "burst", "5kb", "limit", "20000")
	path, _ := film(t, 40, street(t, 5, 6, 7, 8)...)
	camera := l.machines[0].udpcam(t, "send", "--listen", "--name", "door", "--source", path, "--fps", "30", "--loop", "--json")
	camera.says(t, "listening")

	clean, lossy, slow := l.subscriber(t, 2), l.subscriber(t, 3), l.subscriber(t, 4)
	until(t, "all three see pictures", func() bool {
		return clean.last(t).Frames > 0 && lossy.last(t).Frames > 0 && slow.last(t).Frames > 0
	})
	time.Sleep(2 * time.Second) // the sender gets to know the paths
	from := []received{clean.last(t), lossy.last(t), slow.last(t)}
	time.Sleep(12 * time.Second)
	var got [3]received
	for i, v := range []viewerProcess{clean, lossy, slow} {
		got[i] = v.last(t).since(from[i])
		t.Logf("%s: %+v", []string{"clean", "lossy", "slow"}[i], got[i])
	}
	if g := got[0]; g.Dropped > 0 || g.Frames < 300 {
		t.Errorf("clean: %+v", g)
	}
	if g := got[1]; g.Dropped*200 > g.Frames || g.Frames < 300 {
		t.Errorf("lossy: %+v", g)
	}
	if g := got[2]; g.Frames < 90 || g.Frames > 300 || g.Dropped > g.Frames/5 {
		t.Errorf("slow: %+v", g)
	}
	if addr := l.addr(2); strings.Contains(camera.stderr.String(), addr) {
		t.Errorf("the camera knows the viewer's own address %s", addr)
	}
}

// translate has the router give all machines its own address towards machine 1, for 30 s after each datagram.
func (l *lan) translate(t *testing.T, how string) {
	t.Helper()
	l.router.nft(t, `add table ip udpcam
		add chain ip udpcam forward { type filter hook forward priority 0; }
		add chain ip udpcam nat { type nat hook postrouting priority 100; }
		add rule ip udpcam nat oifname port1 meta l4proto udp `+how)
	l.router.run(t, "sh", "-c", "cd /proc/sys/net/netfilter && echo 30 >nf_conntrack_udp_timeout && echo 30 >nf_conntrack_udp_timeout_stream")
}

// nft gives the machine rules of nft(8), one a line.
func (m machine) nft(t *testing.T, rules string) {
	t.Helper()
	cmd := m.command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
}

// A viewerProcess is udpcam recv --json.
type viewerProcess struct{ *process }

// subscriber starts a receiver on a machine, which subscribes to machine 1.
func (l *lan) subscriber(t *testing.T, machine int, args ...string) viewerProcess {
	t.Helper()
	return viewerProcess{l.machines[machine-1].udpcam(t, append([]string{"recv", "--from", l.addr(1), "--json"}, args...)...)}
}

// A received is what the receiver's status says.
type received struct {
	Frames  int     `json:"frames"`
	Dropped int     `json:"dropped"`
	Skipped int     `json:"skipped"`
	Delay   float64 `json:"delay_ms"`
}

// last is the last status, zero if there is none yet.
func (v viewerProcess) last(t *testing.T) (r received) {
	t.Helper()
	for lines := bufio.NewScanner(bytes.NewReader(v.stdout.Bytes())); lines.Scan(); {
		var next received
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			break // the last line is not whole yet
		}
		r = next
	}
	return r
}

// since is what has come since an earlier status.
func (r received) since(o received) received {
	return received{r.Frames - o.Frames, r.Dropped - o.Dropped, r.Skipped - o.Skipped, r.Delay}
}

// Either end restarts, changes its address, or loses its network for longer than a lease or than the router remembers. The
// pictures must be back soon, and nobody may flood the other with requests.
func TestE2ENetnsSubscribeAgain(t *testing.T) {
	need(t, "nft")
	l := newLAN(t, 2)
	l.translate(t, "masquerade")
	path, _ := film(t, 40, street(t, 5, 6, 7, 8)...)
	open := func() *process {
		p := l.machines[0].udpcam(t, "send", "--listen", "--name", "door", "--source", path, "--fps", "30", "--loop")
		p.says(t, "listening")
		return p
	}
	camera := open()
	viewer := l.subscriber(t, 2)
	comes := func(what string, began time.Time) {
		t.Helper()
		before := viewer.last(t).Frames
		until(t, "pictures come again after "+what, func() bool { return viewer.last(t).Frames > before+30 })
		took := time.Since(began) - 2*time.Second // a second of pictures, and a status each second
		if t.Logf("%s: back after at most %v", what, took); took > 4*time.Second {
			t.Errorf("%s: back only after %v", what, took)
		}
	}
	comes("the start", time.Now())

	camera.kill()
	time.Sleep(500 * time.Millisecond)
	camera = open()
	comes("a restart of the camera", time.Now())

	l.router.nft(t, "delete table ip udpcam")
	l.translate(t, "masquerade to :20000-30000") // to other ports than before
	comes("a restart of the router", time.Now())

	l.link(t, 2, "down")
	time.Sleep(5 * time.Second)
	l.link(t, 2, "up")
	comes("a loss of the viewer's network", time.Now())

	l.machines[1].run(t, "ip", "address", "add", "10.77.2.3/24", "dev", "cable")
	l.machines[1].run(t, "ip", "address", "del", "10.77.2.2/24", "dev", "cable")
	l.machines[1].run(t, "sh", "-c", "ip address show dev cable | grep -q 10.77.2.3 || ip address add 10.77.2.3/24 dev cable; "+
		"ip route replace default via 10.77.2.1")
	comes("another address of the viewer", time.Now())

	viewer.stop(t)
	camera.says(t, "a receiver has left")
	viewer = l.subscriber(t, 2)
	comes("a restart of the viewer", time.Now())
}

// Somebody sends 10,000 Subscribes a second from invented addresses: without a cookie, with invented ones, and garbage. The
// camera must keep nothing of them and send nobody more than came from there. A viewer must not notice.
func TestE2ENetnsSubscribeFlood(t *testing.T) {
	need(t, "nft")
	l := newLAN(t, 2)
	l.router.nft(t, `add table ip udpcam
		add chain ip udpcam in { type filter hook input priority 0; }
		add rule ip udpcam in ip saddr 10.77.1.2 udp sport 12345 counter`)
	path, _ := film(t, 40, street(t, 5, 6, 7, 8)...)
	camera := l.machines[0].udpcam(t, "send", "--listen", "--hidden", "--name", "door", "--source", path, "--fps", "30", "--loop", "--json")
	camera.says(t, "listening")
	viewer := l.subscriber(t, 2)
	until(t, "pictures come", func() bool { return viewer.last(t).Frames > 30 })
	before, idle := viewer.last(t), camera.figures()

	a := newAir(t, l.router)
	to := netip.MustParseAddrPort("10.77.1.2:12345")
	sent, largest := 0, 0
	const lasts, rate = 5 * time.Second, 10_000
	began := time.Now()
	for n := 0; n < rate*int(lasts/time.Second); n++ {
		if n%(rate/1000) == 0 {
			time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / rate)))
		}
		b := append(wirePrefix(6, 0, 0, 0, 0), make([]byte, 26)...)
		binary.BigEndian.PutUint64(b[8:], uint64(n))
		switch n % 3 {
		case 1:
			binary.BigEndian.PutUint64(b[16:], rand.Uint64())
		case 2:
			b = b[:8+rand.IntN(26)]
		}
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 2, byte(101 + n%50)}), uint16(1024+rand.IntN(60_000)))
		a.emit(packet{from, to, b})
		sent, largest = sent+28+len(b), max(largest, len(b))
	}
	time.Sleep(1500 * time.Millisecond)
	got, after := viewer.last(t).since(before), camera.figures()
	answered := l.router.run(t, "nft", "list", "chain", "ip", "udpcam", "in")
	var packets, bytes int
	if _, err := fmt.Sscanf(answered[strings.Index(answered, "counter packets"):], "counter packets %d bytes %d", &packets, &bytes); err != nil {
		t.Fatalf("%v in %s", err, answered)
	}
	t.Logf("%d bytes sent, %d answered in %d packets; %+v; memory %d kB more, %v of processor time in %v", sent, bytes, packets, got,
		(after.memory-idle.memory)>>10, after.cpu-idle.cpu, time.Since(began))
	if packets == 0 || bytes > packets*(28+largest) || bytes > sent {
		t.Errorf("%d bytes in %d packets answer %d bytes", bytes, packets, sent)
	}
	if got.Dropped > 0 || got.Frames < 120 {
		t.Errorf("the viewer got %+v", got)
	}
	if grown := after.memory - idle.memory; grown > 8<<20 {
		t.Errorf("the camera's memory grows by %d kB", grown>>10)
	}
	if n := strings.Count(camera.stderr.String(), "subscribed"); n != 1 {
		t.Errorf("%d receivers have subscribed", n)
	}
}

// A camera that listens, and then a receiver that nobody has told its address: soon the page has a picture.
func TestE2ENetnsFound(t *testing.T) {
	left, right := cable(t)
	for _, m := range []machine{left, right} {
		m.run(t, "ip", "link", "set", "lo", "up")
	}
	camera := left.udpcam(t, "send", "--listen", "--name", "door", "--source", "test:")
	camera.says(t, "listening")
	time.Sleep(2 * time.Second) // it has announced itself
	for _, from := range []string{"all", "door"} {
		began := time.Now()
		viewer := right.udpcam(t, "recv", "--from", from, "--http", "0.0.0.0:8080")
		at := site{right, "10.77.0.2:8080"}
		until(t, "the page has a picture", func() bool {
			_, err := at.get(t.Context(), "/snapshot.jpg")
			return err == nil
		})
		took := time.Since(began)
		if t.Logf("--from %s: a picture after %v", from, took); took > 5*time.Second {
			t.Errorf("--from %s: a picture only after %v", from, took)
		}
		viewer.stop(t)
	}
	if said := right.run(t, udpcamCommand(t).Path, "find", "--wait", "1s"); !strings.Contains(said, "door") {
		t.Errorf("find says %s", said)
	}
	camera.stop(t)
}
