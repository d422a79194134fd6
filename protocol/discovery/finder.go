package discovery

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"udpcam/protocol"
)

// A finder knows which services there are. It asks for them, at first often and then less and less, and asks again for what
// would soon be out of date.
type finder struct {
	types bool // also look which other services there are
	links []link
	asked map[int]*schedule
	found map[string]*instance // by the lower-case whole name
	hosts map[hostKey]map[netip.Addr]lease

	events []Found
	heard  Heard
	others map[netip.Addr]bool // who answered, but this machine
	kinds  map[string]bool
	echo   map[int]bool // links on which our own questions were heard
	gaveUp bool         // a service has given way to another in this datagram
}

// A lease is an address's time.
type lease struct{ heard, until time.Time }

// A schedule says when to ask next, for the step-th time.
type schedule struct {
	next time.Time
	step int
}

// asking is how long after a question the next one comes (RFC 6762, 5.2). The second one comes early, because a first
// datagram is often lost: a switch or a radio has to learn who listens. The last time is repeated.
var asking = []time.Duration{
	250 * time.Millisecond, 750 * time.Millisecond, 2 * time.Second, 6 * time.Second, 18 * time.Second, time.Minute,
}

func (s *schedule) asked(now time.Time) {
	s.next = now.Add(asking[min(s.step, len(asking)-1)])
	s.step++
}

type hostKey struct {
	link int
	name string
}

// An instance is a service, as it is known on each link.
type instance struct {
	name string // as it came
	seen map[int]*sighting
	told Found // as it was last yielded
	new  bool  // something may have changed since
}

// A sighting is what a link says of a service.
type sighting struct {
	via   netip.Addr
	until time.Time // of the pointer to it
	srv   *dns.SRV
	heard time.Time // when srv was
	dies  time.Time // when srv ends
	text  []string
	again schedule // asking for what is missing or gets old
}

func newFinder(types bool) *finder {
	return &finder{
		types: types, asked: map[int]*schedule{}, found: map[string]*instance{},
		hosts: map[hostKey]map[netip.Addr]lease{}, others: map[netip.Addr]bool{}, kinds: map[string]bool{}, echo: map[int]bool{},
	}
}

func (f *finder) relink(now time.Time, links []link) {
	f.links = links
	there := func(index int) bool {
		return slices.ContainsFunc(links, func(l link) bool { return l.index == index })
	}
	for _, l := range links {
		if f.asked[l.index] == nil {
			f.asked[l.index] = &schedule{next: now}
		}
	}
	maps.DeleteFunc(f.asked, func(index int, _ *schedule) bool { return !there(index) })
	maps.DeleteFunc(f.echo, func(index int, _ bool) bool { return !there(index) })
	maps.DeleteFunc(f.hosts, func(key hostKey, _ map[netip.Addr]lease) bool { return !there(key.link) })
	for _, i := range f.found {
		maps.DeleteFunc(i.seen, func(index int, _ *sighting) bool { return !there(index) })
		i.new = true
	}
	f.tell()
}

func (f *finder) wake(now time.Time) (out []outgoing, next time.Time) {
	f.expire(now)
	f.tell()
	for _, l := range f.links {
		s := f.asked[l.index]
		if !now.Before(s.next) {
			out = append(out, f.browse(now, l)...)
			s.asked(now)
		}
		next = earlier(next, s.next)
	}
	for _, addrs := range f.hosts {
		for _, a := range addrs {
			next = earlier(next, a.until)
		}
	}
	for _, i := range f.found {
		for index, s := range i.seen {
			if at := f.due(index, s); !at.IsZero() && !now.Before(at) {
				if b := f.question(index, i, s); b != nil {
					out = append(out, outgoing{link: index, data: b})
					if s.again.step >= 5 { // perhaps a firewall keeps the answers to all away
						out = append(out, outgoing{link: index, data: b, once: true})
					}
				}
				s.again.asked(now)
			}
			next = earlier(next, f.due(index, s))
			next = earlier(next, s.until)
			next = earlier(next, s.dies)
		}
	}
	return out, next
}

// due is when to ask for a sighting: soon, if something is missing; else when 80 % of its time are over, 82, 84 and so on.
// RFC 6762 (5.2) asks only four times, of which a network that loses 20 % of packets loses all once in two hours. Zero is
// never.
func (f *finder) due(index int, s *sighting) time.Time {
	if !f.complete(index, s) {
		if s.again.step >= len(asking) {
			return time.Time{}
		}
		return s.again.next
	}
	if s.again.step >= 10 {
		return time.Time{}
	}
	life := s.dies.Sub(s.heard)
	return s.heard.Add(life * time.Duration(80+2*s.again.step) / 100)
}

// complete reports whether it is known where a service is.
func (f *finder) complete(index int, s *sighting) bool {
	return s.srv != nil && len(f.hosts[hostKey{index, strings.ToLower(s.srv.Target)}]) > 0
}

// browse makes the questions for a link, with what is known already: nobody has to answer that (RFC 6762, 7.1).
func (f *finder) browse(now time.Time, l link) (out []outgoing) {
	m := new(dns.Msg)
	m.Compress = true
	m.Question = []dns.Question{{Name: serviceType, Qtype: dns.TypePTR, Qclass: dns.ClassINET}}
	if f.types {
		m.Question = append(m.Question, dns.Question{Name: allTypes, Qtype: dns.TypePTR, Qclass: dns.ClassINET})
	}
	size := 100
	for _, i := range f.found {
		s := i.seen[l.index]
		if s == nil || s.until.Sub(now) <= otherTTL/2 || !f.complete(l.index, s) {
			continue
		}
		known := &dns.PTR{Hdr: header(serviceType, dns.TypePTR, s.until.Sub(now), false), Ptr: i.name}
		if size += dns.Len(known); size > usualPacket {
			break // whoever is not on the list answers again, which does no harm
		}
		m.Answer = append(m.Answer, known)
	}
	if b, err := m.Pack(); err == nil {
		out = append(out, outgoing{link: l.index, data: b})
		if f.asked[l.index].step == 0 { // an answer to all could have to wait, because there was one a moment ago
			out = append(out, outgoing{link: l.index, data: b, once: true})
		}
	}
	return out
}

// question asks for all of one service.
func (f *finder) question(index int, i *instance, s *sighting) []byte {
	m := new(dns.Msg)
	m.Compress = true
	ask := func(name string, kind uint16) {
		m.Question = append(m.Question, dns.Question{Name: name, Qtype: kind, Qclass: dns.ClassINET})
	}
	ask(i.name, dns.TypeSRV)
	ask(i.name, dns.TypeTXT)
	if s.srv != nil {
		ask(s.srv.Target, dns.TypeA)
		ask(s.srv.Target, dns.TypeAAAA)
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// expire forgets what has not been heard for the time that it had announced.
func (f *finder) expire(now time.Time) {
	aged := map[string]bool{}
	for key, addrs := range f.hosts {
		before := len(addrs)
		maps.DeleteFunc(addrs, func(_ netip.Addr, a lease) bool { return !now.Before(a.until) })
		if aged[key.name] = aged[key.name] || len(addrs) < before; len(addrs) == 0 {
			delete(f.hosts, key)
		}
	}
	for _, i := range f.found {
		for index, s := range i.seen {
			i.new = i.new || s.srv != nil && aged[strings.ToLower(s.srv.Target)]
			if !now.Before(s.until) || s.srv != nil && !now.Before(s.dies) {
				delete(i.seen, index)
				i.new = true
			}
		}
	}
}

// tell yields what has changed.
func (f *finder) tell() {
	for key, i := range f.found {
		if !i.new {
			continue
		}
		i.new = false
		if len(i.seen) == 0 {
			delete(f.found, key)
			if i.told.Instance != "" {
				i.told.Gone = true
				f.event(i.told)
			}
			continue
		}
		if is, ok := f.state(i); ok && !is.same(i.told) {
			i.told = is
			f.event(is)
		}
	}
}

// event keeps an event until somebody asks, the newest of each service.
func (f *finder) event(is Found) {
	f.events = slices.DeleteFunc(f.events, func(old Found) bool { return old.Instance == is.Instance })
	if len(f.events) >= 2*maxInstances {
		f.events = f.events[1:]
	}
	f.events = append(f.events, is)
}

// state puts together what all links say of a service. It is not ok if nobody has said where it is.
func (f *finder) state(i *instance) (is Found, ok bool) {
	is.Instance, _ = instanceOf(i.name)
	var all []address
	var newest *sighting
	for _, l := range f.links {
		s := i.seen[l.index]
		if s == nil || s.srv == nil || s.srv.Port == 0 {
			continue
		}
		if newest == nil || newest.heard.Before(s.heard) && !equal(newest.srv.Target, s.srv.Target) {
			newest, all = s, nil
		}
		if !equal(newest.srv.Target, s.srv.Target) || newest.srv.Port != s.srv.Port {
			continue
		}
		for a := range f.hosts[hostKey{l.index, strings.ToLower(s.srv.Target)}] {
			is.Own = is.Own || l.has(a)
			if a.Is6() && a.IsLinkLocalUnicast() {
				a = a.WithZone(l.name)
			}
			all = append(all, address{a, l})
		}
	}
	if len(all) == 0 {
		return is, false
	}
	var on link
	is.Addrs, on = addresses(all, newest.srv.Port)
	host, _ := cut(newest.srv.Target)
	is.Name, is.Host = protocol.CleanName(is.Instance), protocol.CleanName(unescape(host))
	is.Interface, is.Via = on.name, newest.via
	is.read(newest.text)
	return is, true
}
