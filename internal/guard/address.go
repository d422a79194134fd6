package guard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ListenAddr completes an address to listen on. A port alone (":8080", "8080") means this machine only, 127.0.0.1. To be
// reached from elsewhere, give an address: "0.0.0.0:8080", "[::]:8080", or an address or name of this machine.
func ListenAddr(addr string) (string, error) {
	host, port, err := "", addr, error(nil)
	if strings.Contains(addr, ":") {
		host, port, err = net.SplitHostPort(addr)
	}
	_, badPort := strconv.ParseUint(port, 10, 16)
	var advice string
	switch {
	case err != nil:
		advice = "give HOST:PORT, with an IPv6 address in brackets, or :PORT"
	case badPort != nil:
		advice = "give HOST:PORT, or :PORT, with a number up to 65535 as the port"
	case host == "*":
		advice = "to listen on every address, give 0.0.0.0:" + port + " or [::]:" + port
	default:
		return net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port), nil
	}
	return "", fmt.Errorf("bad listening address %q: %s", addr, advice)
}

// Listen listens on a TCP address that [ListenAddr] completes. Its errors say what to do.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	full, err := ListenAddr(addr)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", full)
	if err != nil {
		if op, ok := errors.AsType[*net.OpError](err); ok {
			err = op.Err // which does not repeat the address
		}
		return nil, fmt.Errorf("cannot listen on %s: %w%s", full, err, listenAdvice(err))
	}
	return ln, nil
}

// listenAdvice says what to do about the usual errors.
func listenAdvice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return " (another program has this port: end it, or choose another port)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return " (this machine does not have that address: 0.0.0.0 stands for all it has)"
	case errors.Is(err, os.ErrPermission):
		return " (ports below 1024 are for root: choose a higher one)"
	case errors.As(err, new(*net.DNSError)):
		return " (the name is not known: give an address)"
	}
	return ""
}

// Exposed reports whether other machines can reach a listener. It also returns the address that was asked for, with the port
// that the system has chosen if that was 0.
func Exposed(asked string, ln net.Listener) (address string, exposed bool) {
	tcp, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return asked, false
	}
	host, _, _ := net.SplitHostPort(asked)
	return net.JoinHostPort(host, strconv.Itoa(tcp.Port)), !tcp.IP.IsLoopback()
}
