package discovery

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var door = Service{Name: "front-door", Port: 12345, Sealed: true, Key: 0x1f3a, Width: 1280, Height: 720, FPS: 30, Relay: true}

// A stream that is there already is found within 150 ms, with all that is to be known, and its goodbye is heard at once.
func TestFound(t *testing.T) {
	s := newSim(t)
	camera, r := s.camera(1, door)
	s.run(5*time.Second, nil)
	_, f := s.viewer(2)
	began := s.now
	if !s.run(time.Second, func() bool { return len(f.events) > 0 }) {
		t.Fatal("not found")
	}
	if took := s.now.Sub(began); took > 150*time.Millisecond {
		t.Errorf("found after %v", took)
	}
	got, to := f.events[0], netip.MustParseAddrPort("10.0.0.1:12345")
	want := Found{Instance: "front-door", Name: "front-door", Host: "pi", Version: "1", Sealed: true, Key: 0x1f3a,
		Width: 1280, Height: 720, FPS: 30, Relay: true, Addrs: []netip.AddrPort{to}}
	if !got.same(want) || got.Interface != "eth0" || got.Via != to.Addr() {
		t.Errorf("got %+v", got)
	}
	f.events = nil
	r.bye(r.claims, true)
	out, _ := r.wake(s.now)
	s.send(camera, out)
	camera.off = true
	if !s.run(10*time.Millisecond, func() bool { return len(f.events) > 0 }) || !f.events[0].Gone {
		t.Errorf("its goodbye was not heard: %+v", f.events)
	}
}

// Viewers that come one after the other, faster than answers may be multicast, find a stream as fast as the first.
func TestManyViewers(t *testing.T) {
	s := newSim(t)
	var many []Service
	for i := range 64 {
		many = append(many, Service{Name: fmt.Sprint("a camera with quite a long name, number ", i), Port: 1})
	}
	s.camera(1, many...)
	s.run(10*time.Second, nil)
	for i := range 5 {
		_, f := s.viewer(10 + i)
		if !s.run(150*time.Millisecond, func() bool { return len(f.knows()) == len(many) }) {
			t.Errorf("viewer %d has found %d of %d", i, len(f.knows()), len(many))
		}
	}
}

// A viewer that is there first hears of a new stream in a second, and so of each change.
func TestAnnounced(t *testing.T) {
	s := newSim(t)
	_, f := s.viewer(2)
	s.run(time.Minute, nil)
	plain := Service{Name: "cam", Port: 1}
	camera, r := s.camera(1, plain)
	has := func(ok func(Found) bool) func() bool {
		return func() bool { is, found := f.knows()["cam"]; return found && ok(is) }
	}
	if !s.run(1100*time.Millisecond, has(func(is Found) bool { return is.Width == 0 && !is.Sealed })) {
		t.Fatalf("not found: %+v", f.knows())
	}
	plain.Width, plain.Height, plain.FPS = 640, 480, 12.5
	r.set(s.now, []Service{plain})
	camera.next = s.now
	if !s.run(1100*time.Millisecond, has(func(is Found) bool { return is.Width == 640 && is.FPS == 13 })) {
		t.Errorf("the size did not come: %+v", f.knows())
	}
	s.run(5*time.Second, nil)
	camera.addr = netip.MustParseAddr("10.0.0.77") // DHCP
	r.relink(s.now, camera.links())
	camera.next = s.now
	now := netip.MustParseAddrPort("10.0.0.77:1")
	if !s.run(2*time.Second, has(func(is Found) bool { return slices.Equal(is.Addrs, []netip.AddrPort{now}) })) {
		t.Errorf("the new address did not come alone: %+v", f.knows())
	}
}

// A camera that is started again, without a goodbye, is the same to a viewer: it has moved.
func TestRestart(t *testing.T) {
	s := newSim(t)
	before, _ := s.camera(1, door)
	_, f := s.viewer(2)
	s.run(10*time.Second, nil)
	before.off = true
	f.events = nil
	again := door
	again.Port = 777
	r := newResponder("pi-other.local.", "pi")
	r.set(s.now, []Service{again})
	s.add(1, r)
	s.run(10*time.Second, nil)
	is := f.knows()["front-door"]
	if len(f.knows()) != 1 || len(is.Addrs) != 1 || is.Addrs[0].Port() != 777 {
		t.Errorf("found %+v", f.knows())
	}
	if slices.ContainsFunc(f.events, func(e Found) bool { return e.Gone }) {
		t.Error("it was gone meanwhile")
	}
}

// A port that is open at one address alone is told of with that address, where it is. This one is on another interface.
func TestOneAddress(t *testing.T) {
	s := newSim(t)
	here, there := Service{Name: "here", Port: 1, Addr: netip.MustParseAddr("10.0.0.1")}, Service{Name: "there", Port: 2, Addr: netip.MustParseAddr("127.0.0.1")}
	camera, r := s.camera(1, here, there, door)
	links := camera.links()
	links[0].own = append(links[0].own, netip.MustParsePrefix("10.0.0.99/24"))
	r.relink(s.now, links)
	_, f := s.viewer(2)
	s.run(5*time.Second, nil)
	if want := []string{"front-door", "here"}; !slices.Equal(f.names(), want) {
		t.Errorf("found %v, want %v", f.names(), want)
	}
	if all, one := f.knows()["front-door"].Addrs, f.knows()["here"].Addrs; len(all) != 2 || len(one) != 1 || one[0].Addr() != here.Addr {
		t.Errorf("addresses %v and %v", all, one)
	}
}

// Each of two streams of one name is found under a name of its own, whenever they come: one after the other, at once, or on
// two networks that are joined later.
func TestOneName(t *testing.T) {
	two := []string{"front-door", "front-door (2)"}
	for name, meet := range map[string]func(s *sim, a, b *station){
		"later": func(s *sim, a, b *station) { b.off = true; s.run(5*time.Second, nil); b.off = false },
		"at once": func(s *sim, a, b *station) {
			for _, st := range []*station{a, b} {
				st.machine.(*responder).claims[0].probe(s.now)
			}
		},
		"joined": func(s *sim, a, b *station) {
			b.segment = 1
			s.run(5*time.Second, nil)
			b.segment = 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t)
			a, first := s.camera(1, door)
			b, second := s.camera(2, door)
			meet(s, a, b)
			_, f := s.viewer(3)
			if !s.run(10*time.Second, func() bool { return slices.Equal(f.names(), two) }) {
				t.Fatalf("found %v", f.names())
			}
			s.run(time.Minute, nil)
			if n := []string{first.claims[0].instance(), second.claims[0].instance()}; n[0] == n[1] || !slices.Equal(f.names(), two) {
				t.Errorf("in the end they are called %q, and %q are found", n, f.names())
			}
			for _, is := range f.knows() {
				if is.Name != "front-door" || len(is.Addrs) != 1 {
					t.Errorf("%+v", is)
				}
			}
		})
	}
	s := newSim(t) // the same in one process, where the network does not object
	s.camera(1, door, door, door)
	_, f := s.viewer(2)
	s.run(3*time.Second, nil)
	if want := append(two, "front-door (3)"); !slices.Equal(f.names(), want) {
		t.Errorf("found %v, want %v", f.names(), want)
	}
}

// A network that loses 20 % of packets delays being found, and a stream that is there is never gone.
func TestLossyNetwork(t *testing.T) {
	s := newSim(t)
	s.loss = 0.2
	s.camera(1, door)
	_, f := s.viewer(2)
	if !s.run(10*time.Second, func() bool { return len(f.knows()) == 1 }) {
		t.Fatal("not found")
	}
	for range 60 {
		s.run(time.Minute, nil)
		if len(f.knows()) != 1 {
			t.Fatalf("gone at %v", s.now)
		}
	}
}

// A viewer whose firewall drops what is sent to all, but not answers to a port of its own, finds a stream and does not lose it.
func TestDeaf(t *testing.T) {
	s := newSim(t)
	s.camera(1, door)
	s.run(5*time.Second, nil)
	viewer, f := s.viewer(2)
	viewer.deaf = true
	s.run(time.Second, nil)
	for range 100 {
		if s.run(3*time.Second, nil); len(f.knows()) != 1 {
			t.Fatalf("%d found at %v", len(f.knows()), s.now)
		}
	}
}

// A camera that loses its power is gone two minutes later: that is what it had announced.
func TestPowerCut(t *testing.T) {
	s := newSim(t)
	camera, _ := s.camera(1, door)
	_, f := s.viewer(2)
	s.run(5*time.Second, nil)
	camera.off = true
	f.events = nil
	if !s.run(2*time.Minute, func() bool { return len(f.events) > 0 && f.events[0].Gone }) {
		t.Error("it is never gone")
	}
	if len(f.found)+len(f.hosts) > 0 {
		t.Errorf("%d services and %d hosts are still known", len(f.found), len(f.hosts))
	}
}

// An hour of twenty cameras and five viewers is quiet: what is known is not told again and again.
func TestQuiet(t *testing.T) {
	s := newSim(t)
	var viewers []*finder
	for i := range 20 {
		s.camera(i+1, Service{Name: string(rune('a' + i)), Port: 1})
	}
	for i := range 5 {
		_, f := s.viewer(100 + i)
		viewers = append(viewers, f)
	}
	s.run(time.Minute, nil)
	s.packets, s.bytes = 0, 0
	hours := 1.0
	if testing.Short() {
		hours = 0.1
	}
	s.run(time.Duration(hours*float64(time.Hour)), nil)
	for _, f := range viewers {
		if len(f.knows()) != 20 {
			t.Errorf("%d found", len(f.knows()))
		}
	}
	t.Logf("%.0f packets and %.0f kB an hour", float64(s.packets)/hours, float64(s.bytes)/1000/hours)
	if perSecond := float64(s.packets) / 3600 / hours; perSecond > 2 {
		t.Errorf("%.1f packets a second", perSecond)
	}
}

// An interface that comes later is asked, and the camera told of there. One that goes takes its services with it.
func TestLinks(t *testing.T) {
	s := newSim(t)
	camera, r := s.camera(1, door)
	viewer, f := s.viewer(2)
	for _, st := range []*station{camera, viewer} {
		st.relink(s.now, nil)
		st.next = s.now
	}
	s.run(10*time.Second, nil)
	if s.packets != 0 || len(f.knows()) != 0 {
		t.Fatalf("%d packets left without an interface", s.packets)
	}
	r.relink(s.now, camera.links())
	f.relink(s.now, viewer.links())
	camera.next, viewer.next = s.now, s.now
	if !s.run(2*time.Second, func() bool { return len(f.knows()) == 1 }) {
		t.Fatal("not found on the new interface")
	}
	f.relink(s.now, nil)
	if len(f.knows()) != 0 || !f.events[len(f.events)-1].Gone {
		t.Errorf("still there without the interface: %+v", f.events)
	}
}
