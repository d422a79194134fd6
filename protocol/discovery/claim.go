package discovery

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A claim is a service with its way to an instance name of its own (RFC 6762, 8 and 9):
//
//	         3 probes, nobody objects          2 announcements
//	probing ─────────────────────────> owned ──────────────────> quiet
//	   ^  ^                              │ │                       │
//	   │  └───── a new link ─────────────┘ └─── something changed ─┘
//	   └──────── somebody else has the name: the next name
type claim struct {
	Service
	try       int       // which name it is: the first, or one with a number
	probes    int       // sent for this name
	owned     bool      // nobody objected, so questions are answered
	announced int       // how often, since something changed
	next      time.Time // when the next probe or announcement is due; zero for none
	told      time.Time // when it was last announced
	conflicts []time.Time
}

// instance is the label, name the whole name.
func (c *claim) instance() string { return label(c.Name, c.try) }
func (c *claim) name() string     { return escape(c.instance()) + "." + serviceType }

// probe begins to probe.
func (c *claim) probe(at time.Time) { c.probes, c.announced, c.next = 0, 0, at }

// announce begins to announce, at most once a second, unless that follows anyway.
func (c *claim) announce(now time.Time) {
	if c.owned && c.probes >= probeCount {
		c.announced, c.next = 0, now
		if soon := c.told.Add(tellAgain); soon.After(now) {
			c.next = soon
		}
	}
}

// lose takes the next name, because somebody else has this one. Whoever makes that happen again and again is not followed
// at any speed.
func (r *responder) lose(now time.Time, c *claim) {
	c.owned = false
	c.try++
	r.setApart(c)
	c.conflicts = append(c.conflicts, now)
	if len(c.conflicts) > manyConflicts {
		c.conflicts = c.conflicts[1:]
		c.probe(now.Add(conflictWait))
		return
	}
	c.probe(now)
}

// setApart sees to it that no other service of this process has the claim's name: the network would not object to that.
func (r *responder) setApart(c *claim) {
	for slices.ContainsFunc(r.claims, func(o *claim) bool { return o != c && equal(o.instance(), c.instance()) }) {
		c.try++
	}
}

func (r *responder) srv(c *claim) *dns.SRV {
	return &dns.SRV{Hdr: header(c.name(), dns.TypeSRV, hostTTL, true), Target: r.hostOf(c), Port: c.Port}
}

// hostOf is the host name of a service's addresses: one for all services that have all addresses of this machine.
func (r *responder) hostOf(c *claim) string {
	if !c.Addr.IsValid() {
		return r.host
	}
	return hex.EncodeToString(c.Addr.AsSlice()) + "-" + r.host
}

// addrs are the addresses of a service on a link. If there are none, nobody there is told of the service.
func (r *responder) addrs(c *claim, l link) []dns.RR {
	if c.Addr.IsValid() {
		l.own = slices.DeleteFunc(slices.Clone(l.own), func(p netip.Prefix) bool { return p.Addr() != c.Addr.Unmap().WithZone("") })
	}
	return addressRecords(r.hostOf(c), l)
}

func (r *responder) txt(c *claim) *dns.TXT {
	var text []string
	for _, s := range c.text(r.machine) {
		text = append(text, strings.ReplaceAll(s, `\`, `\\`)) // as package dns wants it
	}
	return &dns.TXT{Hdr: header(c.name(), dns.TypeTXT, otherTTL, true), Txt: text}
}

// all are the records of a claim on a link, if it is there.
func (r *responder) all(c *claim, l link) (own, addrs []dns.RR) {
	if addrs = r.addrs(c, l); len(addrs) == 0 {
		return nil, nil
	}
	return []dns.RR{pointer(serviceType, c.name()), r.srv(c), r.txt(c)}, addrs
}

// contested reports whether a record says that somebody else has the name of a claim.
func (r *responder) contested(c *claim, other dns.RR) bool {
	theirs, ok := other.(*dns.SRV)
	return ok && theirs.Hdr.Ttl > 0 && strings.EqualFold(theirs.Hdr.Name, c.name()) &&
		!(strings.EqualFold(theirs.Target, r.hostOf(c)) && theirs.Port == c.Port)
}

// outranked reports whether somebody else who probes for the name now goes first: the one whose record is the greater
// (RFC 6762, 8.2).
func (r *responder) outranked(c *claim, probe *dns.Msg) bool {
	for _, other := range probe.Ns {
		if theirs, ok := other.(*dns.SRV); ok && r.contested(c, other) {
			return bytes.Compare(data(theirs), data(r.srv(c))) > 0
		}
	}
	return false
}

// data is what stands in an SRV record, as it is compared.
func data(s *dns.SRV) []byte {
	b := []byte{byte(s.Priority >> 8), byte(s.Priority), byte(s.Weight >> 8), byte(s.Weight), byte(s.Port >> 8), byte(s.Port)}
	name := make([]byte, 256)
	n, _ := dns.PackDomainName(s.Target, name, 0, nil, false)
	return append(b, name[:n]...)
}
