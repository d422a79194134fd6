package discovery

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"udpcam/internal/fuzzcost"
)

// Whatever a datagram holds, both machines live, and it costs little: also what they send because of it.
func FuzzDatagram(f *testing.F) {
	own := []link{{index: 2, name: "eth0", own: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := newResponder("pi-1.local.", "pi")
	r.links = own
	r.set(now, []Service{door})
	c := r.claims[0]
	records, addrs := r.all(c, own[0])
	records = append(records, addrs...)
	for _, m := range []*dns.Msg{
		{Question: []dns.Question{{Name: serviceType, Qtype: dns.TypePTR, Qclass: dns.ClassINET | flush}}},
		{Question: []dns.Question{{Name: c.name(), Qtype: dns.TypeANY, Qclass: dns.ClassINET}}, Ns: []dns.RR{r.srv(c)}},
		{MsgHdr: dns.MsgHdr{Response: true}, Answer: records},
		{MsgHdr: dns.MsgHdr{Response: true}, Answer: withTTL(records, 0, false)},
	} {
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint16(port))
	}
	f.Fuzz(func(t *testing.T, b []byte, from uint16) {
		p := packet{link: 2, from: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), from), data: b}
		bound := fuzzcost.Bound{Bytes: 256 << 10, Time: 2 * time.Millisecond}.Plus(len(b), 2048, 10*time.Microsecond)
		fuzzcost.Check(t, bound, func() {
			r := newResponder("pi-1.local.", "pi")
			r.relink(now, own)
			r.set(now, []Service{door})
			r.claims[0].owned = true
			finder := newFinder(true)
			finder.relink(now, own)
			at := now
			for _, m := range []machine{r, finder} {
				sent := 0
				for range 20 {
					m.hear(at, p)
					out, _ := m.wake(at)
					sent += len(out)
					at = at.Add(200 * time.Millisecond)
				}
				if sent > 100 {
					t.Errorf("%d datagrams because of one", sent)
				}
			}
			for _, is := range finder.knows() {
				if len(is.Addrs) == 0 || is.Name == "" && is.Instance == "" {
					t.Errorf("%+v", is)
				}
			}
		})
	})
}

// Names come back as they were written, whatever is in them.
func FuzzName(f *testing.F) {
	f.Add("front-door")
	f.Add(`a.b\c "d" (é) @;$`)
	f.Fuzz(func(t *testing.T, name string) {
		short := label(name, 3)
		if len(short) > maxLabel || short == "" {
			t.Fatalf("%q", short)
		}
		b, err := (&dns.Msg{Answer: []dns.RR{pointer(serviceType, escape(short)+"."+serviceType)}}).Pack()
		if err != nil {
			t.Fatal(err)
		}
		m, ok := parse(b)
		if !ok {
			t.Fatal("it does not parse")
		}
		if got, ok := instanceOf(m.Answer[0].(*dns.PTR).Ptr); !ok || got != short {
			t.Errorf("%q became %q", short, got)
		}
	})
}
