package discovery

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// flush is the bit of a record's class that says that it replaces others (RFC 6762, 10.2). In a question it asks for an
// answer to one address (5.4).
const flush = 1 << 15

// usualPacket is how many bytes of records go into one datagram: no more than fit an Ethernet packet.
const usualPacket = 1400

func header(name string, kind uint16, ttl time.Duration, unique bool) dns.RR_Header {
	h := dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: uint32(ttl / time.Second)}
	if unique {
		h.Class |= flush
	}
	return h
}

func pointer(from, to string) dns.RR {
	return &dns.PTR{Hdr: header(from, dns.TypePTR, otherTTL, false), Ptr: to}
}

// addressRecords are a host's addresses on a link (RFC 6762, 6.2 and 15). Those of other links do not lead there.
func addressRecords(host string, l link) (records []dns.RR) {
	for _, p := range l.own {
		if a := p.Addr(); a.Is4() {
			records = append(records, &dns.A{Hdr: header(host, dns.TypeA, hostTTL, true), A: net.IP(a.AsSlice())})
		} else {
			records = append(records, &dns.AAAA{Hdr: header(host, dns.TypeAAAA, hostTTL, true), AAAA: net.IP(a.AsSlice())})
		}
	}
	return records
}

// addressIn returns the address that a record gives to a host.
func addressIn(r dns.RR) (a netip.Addr, ok bool) {
	switch r := r.(type) {
	case *dns.A:
		a, ok = netip.AddrFromSlice(r.A)
	case *dns.AAAA:
		a, ok = netip.AddrFromSlice(r.AAAA)
	}
	return a.Unmap(), ok
}

// A parcel is the records of one answer.
type parcel struct{ answers, extra []dns.RR }

func (p *parcel) add(other parcel) {
	p.answers = appendNew(p.answers, other.answers)
	p.extra = appendNew(p.extra, other.extra)
}

// appendNew appends the records that are not in the list.
func appendNew(list, more []dns.RR) []dns.RR {
next:
	for _, r := range more {
		for _, old := range list {
			if dns.IsDuplicate(old, r) {
				continue next
			}
		}
		list = append(list, r)
	}
	return list
}

// pack makes datagrams like one, with answers in them. One parcel is never split.
func pack(like dns.Msg, parcels []parcel) (datagrams [][]byte) {
	m, size := like, 0
	finish := func() {
		if b, err := m.Pack(); err == nil && len(m.Answer) > 0 && len(b) <= maxPacket {
			datagrams = append(datagrams, b)
		}
		m, size = like, 0
	}
	for _, p := range parcels {
		n := 0
		for _, r := range slices.Concat(p.answers, p.extra) {
			n += dns.Len(r)
		}
		if size > 0 && size+n > usualPacket {
			finish()
		}
		m.Answer, m.Extra = appendNew(m.Answer, p.answers), appendNew(m.Extra, p.extra)
		size += n
	}
	finish()
	return datagrams
}

func answer() *dns.Msg {
	m := &dns.Msg{Compress: true}
	m.Response, m.Authoritative = true, true
	return m
}

// withTTL returns copies of records with other times: cut to a most, or all 0 for a goodbye (RFC 6762, 10.1).
func withTTL(records []dns.RR, most time.Duration, plain bool) (copies []dns.RR) {
	for _, r := range records {
		r = dns.Copy(r)
		h := r.Header()
		h.Ttl = min(h.Ttl, uint32(most/time.Second))
		if plain {
			h.Class &^= flush
		}
		copies = append(copies, r)
	}
	return copies
}

// parse reads a datagram. It fails on what multicast DNS ignores (RFC 6762, 18.3 and 18.11).
func parse(data []byte) (m *dns.Msg, ok bool) {
	m = new(dns.Msg)
	if m.Unpack(data) != nil || m.Opcode != dns.OpcodeQuery || m.Rcode != dns.RcodeSuccess {
		return nil, false
	}
	return m, len(m.Question)+len(m.Answer)+len(m.Ns)+len(m.Extra) <= maxRecords
}
