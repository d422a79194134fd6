package guard

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(own, ".")
	for _, test := range []struct {
		host  string
		allow []string
		want  bool
	}{
		{"localhost", nil, true},
		{"LOCALHOST:8080", nil, true},
		{"localhost.:8080", nil, true},
		{"127.0.0.1:8080", nil, true},
		{"192.168.1.7", nil, true},
		{"[::1]:8080", nil, true},
		{"[fe80::1%eth0]", nil, true},
		{"::1", nil, true},
		{own + ":8080", nil, true},
		{short + ".local", nil, true},
		{"", nil, true},
		{"evil.example", nil, false},
		{"evil.example:8080", nil, false},
		{"localhost.evil.example", nil, false},
		{"127.0.0.1.evil.example:80", nil, false},
		{"1.2.3", nil, false},
		{"camera.lan:8080", []string{"camera.lan"}, true},
		{"camera.lan", []string{"Camera.LAN.:8080"}, true},
		{"evil.example", []string{"camera.lan"}, false},
		{"evil.example", []string{"*"}, true},
		{"*", nil, false},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/streams", nil)
		r.Host = test.host
		status, why := NewGate(Rules{AllowHosts: test.allow}).Check(w, r)
		if got := status == 0; got != test.want {
			t.Errorf("%q with %q: %d", test.host, test.allow, status)
		}
		if !test.want && !strings.Contains(why, "--allow-host "+normalHost(test.host)) {
			t.Errorf("%q: %s", test.host, why)
		}
	}
}
