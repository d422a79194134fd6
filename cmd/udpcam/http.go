package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/protocol"
	"udpcam/receiver/web"
)

// maxPage is the largest file that --html takes, in bytes: it stops a recording that is named by mistake.
const maxPage = 16 << 20

// A server shows frames to browsers.
type server struct {
	*web.Hub
	listener net.Listener
}

// openServer listens on the address of --http, or the usual one. It returns nil if there is neither.
func openServer(c *cli.Context, usual string, log *slog.Logger) (*server, error) {
	addr := cmp.Or(c.String("http"), usual)
	if addr == "" {
		for _, flag := range []string{"html", "allow-host"} {
			if c.IsSet(flag) {
				return nil, usagef("--%s is for --http: give an address to serve on too, such as --http :8080", flag)
			}
		}
		return nil, nil
	}
	full, err := web.ListenAddr(addr)
	if err != nil {
		return nil, usagef("--http: %w", err)
	}
	config := web.Config{AllowHosts: listOf(c, "allow-host"), Log: log}
	if config.HTML, err = readPage(c.String("html")); err != nil {
		return nil, err
	}
	listener, err := web.Listen(c.Context, addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--http %s: another program has this port: try --http %s", full, nextPort(full))
	}
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	return &server{web.New(config), listener}, nil
}

// url is where a browser on this machine finds the page.
func (s *server) url() string {
	addr := s.listener.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(addr.Port)) + "/"
}

// serve answers requests until ctx is done.
func (s *server) serve(ctx context.Context) error { return s.Serve(ctx, s.listener) }

// pull shows the frames of a source on demand until ctx is done or the source is over. A source that fails before it
// has brought a single frame is not there, or is not what the user thinks: fail is called then.
func (s *server) pull(ctx context.Context, open frames, linger time.Duration, fail func(error)) error {
	worked := false
	err := s.Pull(ctx, func(ctx context.Context) iter.Seq2[protocol.Frame, error] {
		return func(yield func(protocol.Frame, error) bool) {
			for f, err := range open(ctx) {
				if err != nil && !worked {
					fail(err)
					return
				}
				worked = true
				if !yield(f, err) {
					return
				}
			}
		}
	}, linger)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// close lets go of the address and of every viewer.
func (s *server) close() {
	s.listener.Close()
	s.Close()
}

// readPage reads the file of --html, if there is one.
func readPage(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxPage {
		err = fmt.Errorf("%s is no page: it is larger than %d bytes", name, maxPage)
	}
	if err != nil {
		return nil, fmt.Errorf("--html: %w", err)
	}
	page, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("--html: %w", err)
	}
	return page, nil
}

// nextPort is an address like addr, one port further.
func nextPort(addr string) string {
	host, port, _ := net.SplitHostPort(addr) // ListenAddr has made it
	n, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(n%65535+1))
}
