package hosts_test

import (
	"testing"

	"udpcam/internal/hosts"
)

func TestResolve(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:99":      "127.0.0.1:99",
		"127.0.0.1":         "127.0.0.1:12345",
		"[::1]:99":          "[::1]:99",
		"[::1]":             "[::1]:12345",
		"::1":               "[::1]:12345",
		"239.1.2.3:5000":    "239.1.2.3:5000",
		"[ff02::1%lo]:5000": "[ff02::1%lo]:5000",
	} {
		if got, err := hosts.Resolve(t.Context(), nil, in); err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("%s is %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", ":12345", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x", "no.such.host.invalid:1"} {
		if got, err := hosts.Resolve(t.Context(), nil, in); err == nil {
			t.Errorf("%q is %v, want an error", in, got)
		}
	}
}

func TestName(t *testing.T) {
	for addr, want := range map[string]string{
		"door.local": "door.local", "door.local:5000": "door.local:5000", "192.168.1.20": "", "192.168.1.20:5000": "",
		"::1": "", "[::1]:5000": "", "[fe80::1%eth0]": "",
	} {
		if got := hosts.Name(addr); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
}
