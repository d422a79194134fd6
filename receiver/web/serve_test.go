package web

import (
	"context"
	"testing"
)

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
