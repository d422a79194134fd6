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

// Heard is what a Browser has noticed of the network, for those who ask why nothing was found.
type Heard struct {
	Links   []Link
	Types   []string // of all services, such as _ipp._tcp, if Config.Types is set
	Others  int      // other machines that have answered anything
	Foreign uint64   // datagrams from other networks, which are ignored
	Unread  uint64   // datagrams that do not parse
	NoPort  bool     // another program has port 5353 to itself, so only answers to our own questions can come
	Dropped uint64   // datagrams that there was no time for
}

// A Link is a network interface that was asked.
type Link struct {
	Name     string
	Addrs    []netip.Prefix // its addresses
	IPv4     bool           // it was asked over IPv4
	IPv6     bool
	Loopback bool
	Echo     bool     // our own questions were heard there, so multicast gets out of this machine, and in
	Problems []string // why it could not be asked
}

func (f *finder) hear(now time.Time, p packet) {
	l, ok := linkOf(f.links, p)
	if !ok {
		f.heard.Foreign++
		return
	}
	m, ok := parse(p.data)
	if !ok {
		f.heard.Unread++
		return
	}
	own := slices.ContainsFunc(f.links, func(l link) bool { return l.has(p.from.Addr()) })
	if !m.Response {
		if own && slices.ContainsFunc(m.Question, func(q dns.Question) bool { return equal(q.Name, serviceType) }) {
			f.echo[l.index] = true
		}
		return
	}
	if p.from.Port() != port { // RFC 6762, 6
		return
	}
	if !own && len(f.others) < maxAnswerers {
		f.others[p.from.Addr().WithZone("")] = true
	}
	records := append(m.Answer, m.Extra...)
	f.gaveUp = false
	for _, r := range records { // first the services, then what depends on them
		if ptr, ok := r.(*dns.PTR); ok {
			f.pointer(now, l, p, ptr)
		}
	}
	for _, r := range records {
		f.detail(now, l, p, r)
	}
	on := f.targets()
	for _, r := range records {
		f.address(now, l, r, on)
	}
	f.tell()
}

// machines counts who answered. Most have an address of each family.
func (f *finder) machines() int {
	inet4 := 0
	for a := range f.others {
		if a.Is4() {
			inet4++
		}
	}
	return max(inet4, len(f.others)-inet4)
}

// lifetime is how long a record is believed.
func lifetime(r dns.RR) time.Duration { return min(time.Duration(r.Header().Ttl)*time.Second, maxTTL) }

func ours(r dns.RR) bool { return r.Header().Class&^flush == dns.ClassINET }

func (f *finder) pointer(now time.Time, l link, p packet, r *dns.PTR) {
	switch {
	case !ours(r):
	case equal(r.Hdr.Name, allTypes):
		kind := strings.TrimSuffix(r.Ptr, "."+domain)
		if len(f.kinds) < maxTypes && len(kind) <= maxLabel && r.Hdr.Ttl > 0 {
			f.kinds[protocol.CleanName(kind)] = true
		}
	case equal(r.Hdr.Name, serviceType):
		if _, ok := instanceOf(r.Ptr); !ok {
			return
		}
		key := strings.ToLower(r.Ptr)
		i := f.found[key]
		if r.Hdr.Ttl == 0 {
			if i != nil {
				delete(i.seen, l.index)
				i.new = true
			}
			return
		}
		if i == nil {
			if !f.room(p.from.Addr()) {
				return
			}
			i = &instance{name: r.Ptr, seen: map[int]*sighting{}}
			f.found[key] = i
		}
		s := i.seen[l.index]
		if s == nil {
			s = &sighting{again: schedule{next: now}}
			i.seen[l.index] = s
		}
		s.via, s.until = p.from.Addr(), now.Add(lifetime(r))
	}
}

// room makes room for one more service, if there is none: of the address that has told of most, one gives way. It reports
// false if that is the address that tells of the new one.
func (f *finder) room(from netip.Addr) bool {
	if len(f.found) < maxInstances {
		return true
	}
	if f.gaveUp { // once a datagram is enough: looking for the one takes time
		return false
	}
	f.gaveUp = true
	count, last := map[netip.Addr]int{}, map[netip.Addr]string{}
	for key, i := range f.found {
		for _, s := range i.seen {
			count[s.via]++
			last[s.via] = key
			break
		}
	}
	most := from
	for a, n := range count {
		if n > count[most] {
			most = a
		}
	}
	if most == from {
		return false
	}
	if i := f.found[last[most]]; i != nil {
		clear(i.seen)
		i.new = true
		f.tell()
	}
	return len(f.found) < maxInstances
}

// detail takes SRV and TXT records in, of services that are known.
func (f *finder) detail(now time.Time, l link, p packet, r dns.RR) {
	i := f.found[strings.ToLower(r.Header().Name)]
	if i == nil || i.seen[l.index] == nil || !ours(r) {
		return
	}
	s := i.seen[l.index]
	i.new = true
	switch r := r.(type) {
	case *dns.SRV:
		if r.Hdr.Ttl == 0 {
			if s.srv != nil && equal(s.srv.Target, r.Target) && s.srv.Port == r.Port {
				delete(i.seen, l.index)
			}
			return
		}
		s.srv, s.heard, s.dies, s.via, s.again = r, now, now.Add(lifetime(r)), p.from.Addr(), schedule{next: now.Add(asking[0])}
		if s.until.Before(s.dies) { // whoever answers for it has it
			s.until = s.dies
		}
	case *dns.TXT:
		if r.Hdr.Ttl > 0 {
			s.text = nil
			for _, t := range r.Txt[:min(len(r.Txt), 32)] {
				s.text = append(s.text, unescape(t))
			}
		}
	}
}

// address takes addresses in, of hosts that have a service. Addresses that lead to nobody there are left out: those of this
// machine itself above all, which a stranger could send us to.
func (f *finder) address(now time.Time, l link, r dns.RR, on map[string][]*instance) {
	a, ok := addressIn(r)
	if !ok || !ours(r) || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() && !l.loopback {
		return
	}
	key := hostKey{l.index, strings.ToLower(r.Header().Name)}
	if len(on[key.name]) == 0 {
		return
	}
	for _, i := range on[key.name] {
		i.new = true
	}
	addrs := f.hosts[key]
	if r.Header().Ttl == 0 {
		delete(addrs, a)
		return
	}
	if addrs == nil {
		if len(f.hosts) >= maxHosts {
			maps.DeleteFunc(f.hosts, func(key hostKey, _ map[netip.Addr]lease) bool { return len(on[key.name]) == 0 })
		}
		if len(f.hosts) >= maxHosts {
			return
		}
		addrs = map[netip.Addr]lease{}
		f.hosts[key] = addrs
	}
	if r.Header().Class&flush != 0 { // it replaces older ones of its family, but not those of the last second
		for old, o := range addrs {
			if end := now.Add(settle); old.Is4() == a.Is4() && now.Sub(o.heard) > settle && end.Before(o.until) {
				o.until = end
				addrs[old] = o
			}
		}
	}
	if _, known := addrs[a]; known || len(addrs) < maxAddrs {
		addrs[a] = lease{now, now.Add(lifetime(r))}
	}
}

// targets are the services on each host.
func (f *finder) targets() map[string][]*instance {
	on := map[string][]*instance{}
	for _, i := range f.found {
		for _, s := range i.seen {
			if s.srv != nil {
				name := strings.ToLower(s.srv.Target)
				on[name] = append(on[name], i)
			}
		}
	}
	return on
}
