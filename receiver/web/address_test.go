package web

import (
	"context"
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

// A server that ends leaves its port, and the server for another.
func TestServeAgain(t *testing.T) {
	h := New(quiet(Config{}))
	ctx, cancel := context.WithCancel(t.Context())
	ln, err := Listen(ctx, ":0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(ctx, ln) }()
	addr := ln.Addr().String()
	c := watch(t, addr, "/stream")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, _, err := c.next(); err == nil || h.Stats().Viewers != 0 {
		t.Error("a viewer is left")
	}
	if ln, err = Listen(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	serveOn(t, h, ln)
	watch(t, addr, "/stream")

	broken, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	broken.Close()
	if err := h.Serve(t.Context(), broken); err == nil {
		t.Error("a broken listener is not told of")
	}
}
