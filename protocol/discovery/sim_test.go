package discovery

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A sim is a network in simulated time. All stations are on one Ethernet, unless their segments differ.
type sim struct {
	t        *testing.T
	now      time.Time
	stations []*station
	wire     []flying
	loss     float64
	random   *rand.Rand
	packets  int // sent
	bytes    int
	log      func(from *station, o outgoing)
}

// A station is a process on a host with one network interface.
type station struct {
	machine
	addr    netip.Addr
	segment int
	off     bool
	deaf    bool // a firewall drops what is sent to all
	next    time.Time
}

type flying struct {
	at   time.Time
	from *station
	out  outgoing
}

func newSim(t *testing.T) *sim {
	return &sim{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), random: rand.New(rand.NewPCG(1, 2))}
}

// add puts a machine onto the network, with the address 10.0.0.host.
func (s *sim) add(host int, m machine) *station {
	st := &station{machine: m, addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(host)}), next: s.now}
	st.relink(s.now, st.links())
	s.stations = append(s.stations, st)
	return st
}

func (st *station) links() []link {
	return []link{{index: 2, name: "eth0", own: []netip.Prefix{netip.PrefixFrom(st.addr, 24)}}}
}

// camera adds a responder with services.
func (s *sim) camera(host int, services ...Service) (*station, *responder) {
	r := newResponder(fmt.Sprintf("pi-%08x.local.", host), "pi")
	r.set(s.now, services)
	return s.add(host, r), r
}

// viewer adds a finder.
func (s *sim) viewer(host int) (*station, *finder) {
	f := newFinder(true)
	return s.add(host, f), f
}

// run lets time pass, until a condition holds if there is one.
func (s *sim) run(d time.Duration, until func() bool) bool {
	for end := s.now.Add(d); ; {
		if until != nil && until() {
			return true
		}
		next := end
		for _, st := range s.stations {
			if !st.off && !st.next.IsZero() && st.next.Before(next) {
				next = st.next
			}
		}
		if len(s.wire) > 0 && s.wire[0].at.Before(next) {
			next = s.wire[0].at
		}
		if next.After(s.now) {
			s.now = next
		}
		if !s.now.Before(end) {
			return until != nil && until()
		}
		s.step()
	}
}

func (s *sim) step() {
	for len(s.wire) > 0 && !s.wire[0].at.After(s.now) {
		f := s.wire[0]
		s.wire = s.wire[1:]
		for _, st := range s.stations {
			to := f.out.to
			if st.off || st.deaf && !to.IsValid() || st.segment != f.from.segment || to.IsValid() && to.Addr() != st.addr || s.random.Float64() < s.loss {
				continue
			}
			from := uint16(port)
			if f.out.once {
				from = 40000
			}
			st.hear(s.now, packet{link: 2, from: netip.AddrPortFrom(f.from.addr, from), direct: to.IsValid(), data: f.out.data})
			st.next = s.now
		}
	}
	for _, st := range s.stations {
		if !st.off && !st.next.IsZero() && !st.next.After(s.now) {
			out, next := st.wake(s.now)
			s.send(st, out)
			st.next = next
		}
	}
}

func (s *sim) send(st *station, out []outgoing) {
	for _, o := range out {
		s.packets++
		s.bytes += len(o.data)
		if s.log != nil {
			s.log(st, o)
		}
		s.wire = append(s.wire, flying{s.now.Add(time.Millisecond), st, o})
	}
}

// knows returns what a finder would tell somebody who has read everything.
func (f *finder) knows() map[string]Found {
	list := map[string]Found{}
	for _, i := range f.found {
		if i.told.Instance != "" {
			list[i.told.Instance] = i.told
		}
	}
	return list
}

func (f *finder) names() (names []string) {
	for name := range f.knows() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
