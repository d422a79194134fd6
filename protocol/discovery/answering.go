package discovery

import (
	"math/rand/v2"
	"time"

	"github.com/miekg/dns"
)

// answer answers the questions of a datagram: by multicast after a short while, so that answers can go together; or to a
// plain DNS client, which does not use the usual port, and to whoever wants that, at once (RFC 6762, 5.4 to 6.7).
func (r *responder) answer(now time.Time, l link, p packet, m *dns.Msg) {
	if len(m.Question) == 0 {
		r.forget(l, p, m)
		return
	}
	legacy := p.from.Port() != port
	var single []parcel
	for _, q := range m.Question {
		if q.Qclass&^flush != dns.ClassINET && q.Qclass != dns.ClassANY {
			continue
		}
		for key, a := range r.about(q, l) {
			a.answers = without(m, a.answers)
			if len(a.answers) == 0 {
				continue
			}
			shared := a.answers[0].Header().Class&flush == 0
			recently := now.Sub(r.last[key]) < hostTTL/4
			if legacy || p.direct || q.Qclass&flush != 0 && recently {
				single = append(single, a)
			} else {
				r.schedule(now, key, a, p, shared, m)
			}
		}
	}
	r.reply(now, l, p, m, single, legacy)
}

// about returns what there is to say on a question.
func (r *responder) about(q dns.Question, l link) map[pendingKey]parcel {
	found := map[pendingKey]parcel{}
	add := func(key pendingKey, answers, extra []dns.RR) {
		key.link = l.index
		p := found[key]
		p.add(parcel{answers, extra})
		found[key] = p
	}
	asks := func(kind uint16) bool { return q.Qtype == kind || q.Qtype == dns.TypeANY }
	owned := false
	for _, c := range r.claims {
		records, addrs := r.all(c, l)
		if !c.owned || len(records) == 0 {
			continue
		}
		owned = true
		ptr, srv, txt := records[0], records[1], records[2]
		if equal(q.Name, serviceType) && asks(dns.TypePTR) {
			add(pendingKey{claim: c}, []dns.RR{ptr}, append([]dns.RR{srv, txt}, addrs...)) // RFC 6763, 12.1
		}
		if equal(q.Name, c.name()) && asks(dns.TypeSRV) {
			add(pendingKey{claim: c}, []dns.RR{srv}, addrs)
		}
		if equal(q.Name, c.name()) && asks(dns.TypeTXT) {
			add(pendingKey{claim: c}, []dns.RR{txt}, nil)
		}
		if equal(q.Name, r.hostOf(c)) && (asks(dns.TypeA) || asks(dns.TypeAAAA)) {
			add(pendingKey{}, addrs, nil)
		}
	}
	if owned && equal(q.Name, allTypes) && asks(dns.TypePTR) {
		add(pendingKey{types: true}, []dns.RR{pointer(allTypes, serviceType)}, nil)
	}
	return found
}

// without leaves out what the asker knows.
func without(m *dns.Msg, answers []dns.RR) (left []dns.RR) {
	for _, a := range answers {
		if !known(m, a) {
			left = append(left, a)
		}
	}
	return left
}

// schedule has an answer multicast. No record is multicast on a link twice in a second, except to those who probe.
func (r *responder) schedule(now time.Time, key pendingKey, a parcel, p packet, shared bool, m *dns.Msg) {
	due := now
	switch {
	case m.Truncated:
		due = now.Add(moreMin + rand.N(moreMax-moreMin))
	case shared:
		due = now.Add(sharedMin + rand.N(sharedMax-sharedMin))
	}
	apart := tellAgain
	if len(m.Ns) > 0 {
		apart = probeWait
	}
	if last, ok := r.last[key]; ok && due.Before(last.Add(apart)) {
		due = last.Add(apart)
	}
	if old := r.pending[key]; old != nil {
		old.add(a)
		if due.Before(old.due) {
			old.due = due
		}
		return
	}
	r.pending[key] = &pendingAnswer{due, p.from.Addr(), a}
}

// forget drops answers that the one who asked turns out to know: the rest of its known answers has come (RFC 6762, 7.2).
func (r *responder) forget(l link, p packet, m *dns.Msg) {
	for key, a := range r.pending {
		if key.link == l.index && a.from == p.from.Addr() {
			if a.answers = without(m, a.answers); len(a.answers) == 0 {
				delete(r.pending, key)
			}
		}
	}
}

// reply answers one address, in as many datagrams as it takes.
func (r *responder) reply(now time.Time, l link, p packet, question *dns.Msg, parcels []parcel, legacy bool) {
	most := maxTTL
	if legacy { // a plain DNS client: RFC 6762, 6.7
		most = legacyTTL
	}
	for i := range parcels {
		parcels[i] = parcel{withTTL(parcels[i].answers, most, legacy), withTTL(parcels[i].extra, most, legacy)}
	}
	like := answer()
	if legacy {
		like.Id, like.Question = question.Id, question.Question
	}
	for _, b := range pack(*like, parcels) {
		if r.direct.AllowN(now, len(b)) {
			r.out = append(r.out, outgoing{link: l.index, to: p.from, data: b})
		}
	}
}
