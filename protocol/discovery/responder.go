package discovery

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/time/rate"
)

// A responder says what services this process has: by itself when something changes, and when it is asked.
type responder struct {
	host    string // the name that the addresses are of, which nobody else has: random digits are in it
	machine string // the name for people
	claims  []*claim
	links   []link

	pending map[pendingKey]*pendingAnswer
	last    map[pendingKey]time.Time // when it was multicast last
	direct  *rate.Limiter
	out     []outgoing
	renamed func(c *claim) // nil, or called when a claim takes another name
}

// What an answer is of: a claim, or without one the host's addresses or the list of types.
type pendingKey struct {
	link  int
	claim *claim
	types bool
}

type pendingAnswer struct {
	due  time.Time
	from netip.Addr // who asked first
	parcel
}

func newResponder(host, machine string) *responder {
	return &responder{
		host: host, machine: machine,
		pending: map[pendingKey]*pendingAnswer{}, last: map[pendingKey]time.Time{},
		direct: rate.NewLimiter(maxDirect, maxDirect),
	}
}

// set replaces the list of services.
func (r *responder) set(now time.Time, services []Service) {
	var kept, added []*claim
	for _, s := range services {
		i := slices.IndexFunc(r.claims, func(c *claim) bool { return c.Name == s.Name && !slices.Contains(kept, c) })
		if i < 0 {
			c := &claim{Service: s, try: 1}
			c.probe(now.Add(rand.N(probeWait))) // so that machines that start together do not speak together
			kept, added = append(kept, c), append(added, c)
			continue
		}
		c := r.claims[i]
		before := append(c.text(r.machine), r.srv(c).String())
		if c.Service = s; !slices.Equal(before, append(c.text(r.machine), r.srv(c).String())) {
			c.announce(now)
		}
		kept = append(kept, c)
	}
	var gone []*claim
	for _, c := range r.claims {
		if !slices.Contains(kept, c) {
			gone = append(gone, c)
		}
	}
	r.claims = kept
	for _, c := range added {
		r.setApart(c)
	}
	r.bye(gone, false)
}

// bye says that services are gone, and with host also the addresses.
func (r *responder) bye(claims []*claim, host bool) {
	for _, l := range r.links {
		var parcels []parcel
		for _, c := range claims {
			delete(r.pending, pendingKey{l.index, c, false})
			delete(r.last, pendingKey{l.index, c, false})
			if !c.owned {
				continue
			}
			records, addrs := r.all(c, l)
			if host {
				records = append(records, addrs...)
			}
			parcels = append(parcels, parcel{answers: withTTL(records, 0, false)})
		}
		r.multicast(l.index, parcels)
	}
}

func (r *responder) relink(now time.Time, links []link) {
	before := r.links
	r.links = links
	for _, l := range links {
		i := slices.IndexFunc(before, func(o link) bool { return o.index == l.index && o.name == l.name })
		for _, c := range r.claims {
			if i < 0 { // whoever is there may have our names
				c.probe(now)
			} else if !l.same(before[i]) {
				c.announce(now)
			}
		}
	}
}

func (r *responder) wake(now time.Time) (out []outgoing, next time.Time) {
	for _, c := range r.claims {
		if !c.next.IsZero() && !now.Before(c.next) {
			r.advance(now, c)
		}
		next = earlier(next, c.next)
	}
	ready := map[int][]parcel{}
	for key, p := range r.pending {
		if now.Before(p.due) {
			next = earlier(next, p.due)
			continue
		}
		delete(r.pending, key)
		r.last[key] = now
		ready[key.link] = append(ready[key.link], p.parcel)
	}
	for link, parcels := range ready {
		r.multicast(link, parcels)
	}
	out, r.out = r.out, nil
	return out, next
}

// earlier is the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// advance sends the next probe or announcement.
func (r *responder) advance(now time.Time, c *claim) {
	if c.probes < probeCount {
		m := &dns.Msg{Compress: true}
		m.Question = []dns.Question{{Name: c.name(), Qtype: dns.TypeANY, Qclass: dns.ClassINET}}
		m.Ns = withTTL([]dns.RR{r.srv(c)}, hostTTL, true)
		if b, err := m.Pack(); err == nil {
			for _, l := range r.links {
				if len(r.addrs(c, l)) > 0 {
					r.out = append(r.out, outgoing{link: l.index, data: b})
				}
			}
		}
		c.probes++
		c.next = now.Add(probeWait)
		return
	}
	c.owned = true
	for _, l := range r.links {
		if records, addrs := r.all(c, l); len(records) > 0 {
			r.multicast(l.index, []parcel{{answers: append(append(records, addrs...), pointer(allTypes, serviceType))}})
			r.last[pendingKey{l.index, c, false}] = now
		}
	}
	c.told = now
	c.announced++
	c.next = time.Time{}
	if c.announced < 2 {
		c.next = now.Add(tellAgain)
	}
}

func (r *responder) multicast(link int, parcels []parcel) {
	for _, b := range pack(*answer(), parcels) {
		r.out = append(r.out, outgoing{link: link, data: b})
	}
}

func (r *responder) hear(now time.Time, p packet) {
	l, ok := linkOf(r.links, p)
	if !ok {
		return
	}
	m, ok := parse(p.data)
	switch {
	case !ok:
	case m.Response:
		r.object(now, m)
	default:
		r.yield(now, m)
		r.answer(now, l, p, m)
	}
}

// linkOf returns the link that a datagram came on, if its source is on that link too: others are not answered, and not
// believed (RFC 6762, 11).
func linkOf(links []link, p packet) (link, bool) {
	for _, l := range links {
		if (p.link == l.index || p.link == 0) && l.near(p.from.Addr()) {
			return l, true
		}
	}
	return link{}, false
}

// object looks whether somebody else has one of our names.
func (r *responder) object(now time.Time, m *dns.Msg) {
	for _, c := range r.claims {
		if !slices.ContainsFunc(append(m.Answer, m.Extra...), func(o dns.RR) bool { return r.contested(c, o) }) {
			continue
		}
		if c.owned { // both claim it again, and one of them wins (RFC 6762, 9)
			c.owned = false
			c.probe(now)
			continue
		}
		r.lose(now, c)
		if r.renamed != nil {
			r.renamed(c)
		}
	}
}

// yield lets somebody else go first who probes for one of our names at the same time.
func (r *responder) yield(now time.Time, m *dns.Msg) {
	for _, c := range r.claims {
		if !c.owned && c.probes > 0 && r.outranked(c, m) {
			c.probe(now.Add(probeLost))
		}
	}
}

// known reports whether the question's known answers have a record, with at least half of its time left (RFC 6762, 7.1).
func known(m *dns.Msg, r dns.RR) bool {
	return slices.ContainsFunc(m.Answer, func(k dns.RR) bool {
		k = dns.Copy(k)
		k.Header().Class |= r.Header().Class & flush
		return dns.IsDuplicate(k, r) && k.Header().Ttl >= r.Header().Ttl/2
	})
}

func equal(a, b string) bool { return strings.EqualFold(a, b) }
