package guard

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestListenAddr(t *testing.T) {
	for _, test := range []struct{ addr, want string }{
		{":8080", "127.0.0.1:8080"},
		{"8080", "127.0.0.1:8080"},
		{":0", "127.0.0.1:0"},
		{"localhost:8080", "localhost:8080"},
		{"0.0.0.0:8080", "0.0.0.0:8080"},
		{"[::]:8080", "[::]:8080"},
		{"[::1]:80", "[::1]:80"},
		{"192.168.1.7:8080", "192.168.1.7:8080"},
		{"camera.lan:8080", "camera.lan:8080"},
		{"", ""},
		{":", ""},
		{"localhost", ""},
		{"localhost:", ""},
		{":http", ""},
		{":65536", ""},
		{":-1", ""},
		{"::1:8080", ""},
		{"[::1]", ""},
		{"*:8080", ""},
		{"http://localhost:8080", ""},
	} {
		got, err := ListenAddr(test.addr)
		if got != test.want || (err == nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), "bad listening address") {
			t.Errorf("%q: %q, %v", test.addr, got, err)
		}
	}
}

func TestListenErrors(t *testing.T) {
	ln, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = Listen(t.Context(), ln.Addr().String())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "choose another port") {
		t.Error(err)
	}
	_, err = Listen(t.Context(), "192.0.2.1:8080")
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "0.0.0.0") {
		t.Error(err)
	}
	if _, err = Listen(t.Context(), "8080x"); !strings.Contains(err.Error(), "bad listening address") {
		t.Error(err)
	}
}
