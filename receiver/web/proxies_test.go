package web

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

// Only a trusted proxy is believed, and of what it passes on only what it has added itself.
func TestProxies(t *testing.T) {
	var trusted proxies
	for _, network := range []string{"127.0.0.1/32", "10.0.0.0/8", "fd00::/8"} {
		trusted = append(trusted, netip.MustParsePrefix(network))
	}
	for _, test := range []struct {
		from, want string
		told       []string
	}{
		{"127.0.0.1:99", "192.0.2.7:0", []string{"192.0.2.7"}},
		{"127.0.0.1:99", "192.0.2.7:0", []string{"203.0.113.1, 192.0.2.7"}},
		{"127.0.0.1:99", "192.0.2.7:0", []string{"203.0.113.1", "192.0.2.7,10.1.2.3"}},
		{"[::ffff:127.0.0.1]:99", "[2001:db8::1]:0", []string{"2001:db8::1"}},
		{"[fd00::1]:99", "192.0.2.7:0", []string{"::ffff:192.0.2.7"}},
		{"127.0.0.1:99", "127.0.0.1:99", nil},
		{"127.0.0.1:99", "127.0.0.1:99", []string{"10.1.2.3"}},
		{"127.0.0.1:99", "127.0.0.1:99", []string{"192.0.2.7, unknown"}},
		{"192.0.2.1:99", "192.0.2.1:99", []string{"192.0.2.7"}},
		{"pipe", "pipe", []string{"192.0.2.7"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = test.from
		for _, told := range test.told {
			r.Header.Add("X-Forwarded-For", told)
		}
		if got := trusted.client(r).RemoteAddr; got != test.want {
			t.Errorf("from %s, told %q: %s, want %s", test.from, test.told, got, test.want)
		}
		if got := proxies(nil).client(r); got != r {
			t.Errorf("nobody is trusted, but %s is believed", test.from)
		}
	}
}
