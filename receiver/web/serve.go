package web

import (
	"context"
	"fmt"
	"net"

	"udpcam/internal/guard"
)

// ListenAddr completes an address to listen on. A port alone (":8080", "8080") means this machine only, 127.0.0.1. To be
// reached from elsewhere, give an address: "0.0.0.0:8080", "[::]:8080", or an address or name of this machine.
func ListenAddr(addr string) (string, error) { return guard.ListenAddr(addr) }

// Listen listens on a TCP address that [ListenAddr] completes. Its errors say what to do.
func Listen(ctx context.Context, addr string) (net.Listener, error) { return guard.Listen(ctx, addr) }

// Serve answers HTTP requests on ln until ctx is done. Then it closes ln and every viewer, and returns nil when all have
// ended. Serve may be called again. A program with an HTTP server of its own mounts s on that instead.
//
// Not counting viewers, at most 256 connections are open. If there are more, one that has done nothing for long is closed,
// of the address that has the most.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if err := guard.Serve(ctx, ln, s, s.config.Log); err != nil {
		return fmt.Errorf("web: %w", err)
	}
	return nil
}
