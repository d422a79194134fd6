package discovery

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The tests here hold single rules of RFC 6762 that other programs rely on.

// A settled is a responder that has announced its service.
func settled(t *testing.T, services ...Service) (*sim, *station, *responder) {
	s := newSim(t)
	camera, r := s.camera(1, services...)
	s.run(10*time.Second, nil)
	return s, camera, r
}

// ask gives a responder a question at once, and returns what it sends in the next 600 ms.
func (s *sim) ask(camera *station, from string, m *dns.Msg) (out []outgoing, delay time.Duration) {
	b, err := m.Pack()
	if err != nil {
		s.t.Fatal(err)
	}
	began := s.now
	s.log = func(st *station, o outgoing) {
		if st == camera {
			if len(out) == 0 {
				delay = s.now.Sub(began)
			}
			out = append(out, o)
		}
	}
	camera.hear(s.now, packet{link: 2, from: netip.MustParseAddrPort(from), data: b})
	camera.next = s.now
	s.run(600*time.Millisecond, nil)
	s.log = nil
	return out, delay
}

func question(name string, kind uint16) *dns.Msg {
	m := new(dns.Msg)
	m.Question = []dns.Question{{Name: name, Qtype: kind, Qclass: dns.ClassINET}}
	return m
}

func read(t *testing.T, o outgoing) *dns.Msg {
	m, ok := parse(o.data)
	if !ok {
		t.Fatal("what was sent does not parse")
	}
	return m
}

// The records of an answer, in words.
func words(records []dns.RR) (kinds string) {
	for _, r := range records {
		kinds += dns.TypeToString[r.Header().Rrtype] + " "
	}
	return strings.TrimSpace(kinds)
}

func TestAnswers(t *testing.T) {
	s, camera, r := settled(t, door)
	whole := r.claims[0].name()
	for _, tt := range []struct{ name, answer, extra string }{
		{serviceType, "PTR", "SRV TXT A"},
		{whole, "SRV TXT", "A"},
		{r.host, "A", ""},
		{allTypes, "PTR", ""},
		{strings.ToUpper(serviceType), "PTR", "SRV TXT A"},
		{"_ipp._tcp.local.", "", ""},
	} {
		s.run(5*time.Second, nil)
		out, delay := s.ask(camera, "10.0.0.9:5353", question(tt.name, dns.TypeANY))
		if tt.answer == "" {
			if len(out) > 0 {
				t.Errorf("%s: answered", tt.name)
			}
			continue
		}
		if len(out) != 1 || out[0].to.IsValid() {
			t.Errorf("%s: %d answers, want one to the group", tt.name, len(out))
			continue
		}
		m := read(t, out[0])
		if got := words(m.Answer); got != tt.answer || words(m.Extra) != tt.extra {
			t.Errorf("%s: %s and %s, want %s and %s", tt.name, got, words(m.Extra), tt.answer, tt.extra)
		}
		shared := tt.answer == "PTR"
		if shared && (delay < sharedMin || delay > sharedMax) || !shared && delay != 0 {
			t.Errorf("%s: answered after %v", tt.name, delay)
		}
		for _, a := range append(m.Answer, m.Extra...) {
			if _, is := a.(*dns.PTR); is == (a.Header().Class&flush != 0) {
				t.Errorf("%s: %v replaces others, or does not", tt.name, a)
			}
		}
	}
}

// A plain DNS client gets its answer at its address, with its own ID and question, and times of ten seconds at most.
func TestPlainClient(t *testing.T) {
	s, camera, _ := settled(t, door)
	q := question(serviceType, dns.TypePTR)
	q.Id = 77
	out, delay := s.ask(camera, "10.0.0.9:40000", q)
	if len(out) != 1 || out[0].to != netip.MustParseAddrPort("10.0.0.9:40000") || delay != 0 {
		t.Fatalf("%d answers after %v", len(out), delay)
	}
	m := read(t, out[0])
	if m.Id != 77 || len(m.Question) != 1 || words(m.Answer) != "PTR" || words(m.Extra) != "SRV TXT A" {
		t.Errorf("%v", m)
	}
	for _, r := range append(m.Answer, m.Extra...) {
		if r.Header().Ttl > 10 || r.Header().Class != dns.ClassINET {
			t.Errorf("%v", r)
		}
	}
	if out, _ := s.ask(camera, "192.168.7.7:40000", q); len(out) != 0 {
		t.Error("an address of another network was answered")
	}
}

// Whoever forges source addresses makes little traffic.
func TestForgedClients(t *testing.T) {
	s, camera, _ := settled(t, door)
	b, _ := question(serviceType, dns.TypePTR).Pack()
	sent := 0
	s.log = func(_ *station, o outgoing) { sent += len(o.data) }
	for i := range 10000 {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), uint16(6000+i))
		camera.hear(s.now, packet{link: 2, from: from, data: b})
	}
	camera.next = s.now
	s.run(100*time.Millisecond, nil)
	if sent < maxDirect/2 || sent > maxDirect {
		t.Errorf("%d bytes", sent)
	}
}

// A known answer is not given, even if the rest of the known answers comes in a second datagram.
func TestKnownAnswers(t *testing.T) {
	s, camera, r := settled(t, door)
	ptr := pointer(serviceType, r.claims[0].name())
	q := question(serviceType, dns.TypePTR)
	q.Answer = []dns.RR{ptr}
	if out, _ := s.ask(camera, "10.0.0.9:5353", q); len(out) != 0 {
		t.Error("what the asker knows was told")
	}
	ptr.Header().Ttl /= 3
	if out, _ := s.ask(camera, "10.0.0.9:5353", q); len(out) != 1 {
		t.Error("what the asker will soon have forgotten was not told")
	}
	s.run(5*time.Second, nil)
	first := question(serviceType, dns.TypePTR)
	first.Truncated = true
	b, _ := first.Pack()
	camera.hear(s.now, packet{link: 2, from: netip.MustParseAddrPort("10.0.0.9:5353"), data: b})
	camera.next = s.now
	s.run(300*time.Millisecond, nil)
	ptr.Header().Ttl *= 3
	if out, _ := s.ask(camera, "10.0.0.9:5353", &dns.Msg{Answer: []dns.RR{ptr}}); len(out) != 0 {
		t.Error("what the asker knows, as its second datagram said, was told")
	}
}

// No record is multicast twice in a second, however often it is asked for.
func TestNoMulticastStorm(t *testing.T) {
	s, camera, _ := settled(t, door)
	sent := 0
	s.log = func(*station, outgoing) { sent++ }
	b, _ := question(serviceType, dns.TypePTR).Pack()
	for range 1000 {
		camera.hear(s.now, packet{link: 2, from: netip.MustParseAddrPort("10.0.0.9:5353"), data: b})
		camera.next = s.now
		s.run(10*time.Millisecond, nil)
	}
	if sent > 11 {
		t.Errorf("%d answers in ten seconds", sent)
	}
}

// A stranger who says again and again that a name is his makes a camera change its name, but not send at any speed.
func TestThief(t *testing.T) {
	s, camera, r := settled(t, door)
	sent := 0
	s.log = func(*station, outgoing) { sent++ }
	for range 6000 {
		m := answer()
		m.Answer = []dns.RR{&dns.SRV{Hdr: header(r.claims[0].name(), dns.TypeSRV, hostTTL, true), Target: "thief.local.", Port: 1}}
		b, _ := m.Pack()
		camera.hear(s.now, packet{link: 2, from: netip.MustParseAddrPort("10.0.0.9:5353"), data: b})
		camera.next = s.now
		s.run(10*time.Millisecond, nil)
	}
	if sent > 100 || len(r.claims[0].conflicts) > manyConflicts {
		t.Errorf("%d datagrams in a minute, try %d", sent, r.claims[0].try)
	}
	if !s.run(10*time.Second, func() bool { return r.claims[0].owned }) {
		t.Error("it has no name in the end")
	}
}

// A stranger who invents services fills no memory, and keeps no camera from being found.
func TestInventedServices(t *testing.T) {
	s := newSim(t)
	viewer, f := s.viewer(2)
	n := 5000
	if testing.Short() {
		n = 1000
	}
	for i := range n {
		name, host := escape(fmt.Sprint("x", i))+"."+serviceType, fmt.Sprintf("h%d.local.", i)
		m := answer()
		m.Answer = []dns.RR{
			pointer(serviceType, name), pointer(allTypes, fmt.Sprintf("_t%d._udp.local.", i)),
			&dns.SRV{Hdr: header(name, dns.TypeSRV, maxTTL, true), Target: host, Port: 1},
		}
		for a := range 40 {
			m.Answer = append(m.Answer, &dns.A{Hdr: header(host, dns.TypeA, maxTTL, false), A: []byte{10, 0, 1, byte(a)}})
		}
		b, _ := m.Pack()
		viewer.hear(s.now, packet{link: 2, from: netip.MustParseAddrPort("10.0.0.66:5353"), data: b})
	}
	if len(f.found) > maxInstances || len(f.hosts) > maxHosts || len(f.kinds) > maxTypes || len(f.events) > 2*maxInstances {
		t.Errorf("%d services, %d hosts, %d types, %d events", len(f.found), len(f.hosts), len(f.kinds), len(f.events))
	}
	s.camera(1, door)
	if !s.run(3*time.Second, func() bool { return len(f.knows()["front-door"].Addrs) > 0 }) {
		t.Error("the camera is not found")
	}
}

// Addresses that would send a viewer to itself, or to nobody, are left out.
func TestUselessAddresses(t *testing.T) {
	s := newSim(t)
	viewer, f := s.viewer(2)
	name, host := "cam."+serviceType, "h.local."
	m := answer()
	m.Answer = []dns.RR{pointer(serviceType, name), &dns.SRV{Hdr: header(name, dns.TypeSRV, hostTTL, true), Target: host, Port: 9}}
	for _, a := range []string{"127.0.0.1", "0.0.0.0", "224.0.0.1", "169.254.1.1", "192.168.9.9", "10.0.0.5"} {
		m.Answer = append(m.Answer, &dns.A{Hdr: header(host, dns.TypeA, hostTTL, true), A: netip.MustParseAddr(a).AsSlice()})
	}
	for _, a := range []string{"::1", "::", "ff02::1", "fe80::5", "2001:db8::5", "::ffff:127.0.0.1"} {
		m.Answer = append(m.Answer, &dns.AAAA{Hdr: header(host, dns.TypeAAAA, hostTTL, true), AAAA: netip.MustParseAddr(a).AsSlice()})
	}
	b, _ := m.Pack()
	viewer.hear(s.now, packet{link: 2, from: netip.MustParseAddrPort("10.0.0.5:5353"), data: b})
	var got []string
	for _, a := range f.knows()["cam"].Addrs {
		got = append(got, a.String())
	}
	want := []string{"10.0.0.5:9", "169.254.1.1:9", "192.168.9.9:9", "[2001:db8::5]:9", "[fe80::5%eth0]:9"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
