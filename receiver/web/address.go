package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrListenAddr is what errors of [ListenAddr] wrap.
var ErrListenAddr = errors.New("bad listening address")

// ListenAddr completes the address that a user gave to listen on. A port without a host (":8080", "8080") means this
// machine alone, 127.0.0.1; to be reached from elsewhere takes an address that says so ("0.0.0.0:8080", "[::]:8080", an
// address or a name of this machine).
func ListenAddr(addr string) (string, error) {
	bad := func(advice string) (string, error) { return "", fmt.Errorf("%w %q: %s", ErrListenAddr, addr, advice) }
	host, port := "", addr
	if strings.Contains(addr, ":") {
		var err error
		if host, port, err = net.SplitHostPort(addr); err != nil {
			return bad("give HOST:PORT, with an IPv6 address in brackets, or :PORT")
		}
	}
	_, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil && host == "":
		return bad("give HOST:PORT, or :PORT with a number up to 65535")
	case err != nil:
		return bad("the port has to be a number up to 65535")
	case host == "*":
		return bad("to listen on every address, give 0.0.0.0:" + port + " or [::]:" + port)
	case host == "":
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
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
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // without the address once more
		}
		return nil, fmt.Errorf("cannot listen on %s: %w%s", full, err, listenAdvice(err))
	}
	return ln, nil
}

// listenAdvice tells what to do about the usual reasons for which an address cannot be listened on.
func listenAdvice(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return " (another program has this port: end it, or choose another port)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return " (this machine does not have that address: 0.0.0.0 stands for all it has)"
	case errors.Is(err, os.ErrPermission):
		return " (ports below 1024 are for root: choose a higher one)"
	case errors.As(err, &dns):
		return " (the name is not known: give an address)"
	}
	return ""
}
