package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/receiver/web"
)

// maxPage is the largest file that --html takes, in bytes: it stops a recording that is named by mistake.
const maxPage = 16 << 20

// A server shows frames to browsers.
type server struct {
	*web.Server
	listener net.Listener
	scheme   string
}

// httpOnly are the flags that say nothing without --http.
var httpOnly = []string{"html", "allow-host", "auth", "token", "tls-cert", "tls-key", "max-viewers"}

// openServer listens on the address of --http, or the usual one. It returns nil if there is neither. demo, which may be nil,
// is what its page controls; skip is called with the reason whenever a frame is not shown.
func openServer(c *cli.Context, usual string, demo *web.Demo, log *slog.Logger, skip func(reason string)) (*server, error) {
	addr := cmp.Or(c.String("http"), usual)
	if addr == "" {
		for _, flag := range httpOnly {
			if c.IsSet(flag) {
				return nil, cmdline.Usagef("--%s is for --http: give an address to serve on too, such as --http :8080", flag)
			}
		}
		return nil, nil
	}
	full, err := web.ListenAddr(addr)
	if err != nil {
		return nil, cmdline.Usagef("--http: %w", err)
	}
	config := web.Config{AllowHosts: cmdline.List(c, "allow-host"), Token: c.String("token"), Demo: demo, Skip: skip, Log: log}
	if config.HTML, err = readPage(c.String("html")); err != nil {
		return nil, err
	}
	if config.User, config.Password, err = authOf(c); err != nil {
		return nil, err
	}
	if config.MaxViewers = c.Int("max-viewers"); config.MaxViewers < 1 {
		return nil, cmdline.Usagef("--max-viewers %d: give 1 or more", config.MaxViewers)
	}
	encryption, err := encryptionOf(c)
	if err != nil {
		return nil, err
	}
	listener, err := web.Listen(c.Context, addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--http %s: another program has this port: try --http %s", full, nextPort(full))
	}
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	if os.Getenv("GOGC") == "" {
		// Pictures that viewers share are garbage once the last has them. To collect it twice as often as Go would saves 2 MB
		// of 26 with 60 viewers, and costs no time that could be measured.
		debug.SetGCPercent(50)
	}
	s := &server{web.New(config), listener, "http"}
	if encryption != nil {
		s.listener, s.scheme = tls.NewListener(listener, encryption), "https"
	} else if secret := config.Password + config.Token; secret != "" && !isLoopback(listener) {
		log.Warn("the password or token can be read on the way: encrypt with --tls-cert and --tls-key", "url", s.url())
	}
	return s, nil
}

// isLoopback reports whether a listener is reached from this machine alone.
func isLoopback(l net.Listener) bool {
	addr, ok := l.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// authOf is what --auth gives.
func authOf(c *cli.Context) (user, password string, err error) {
	text := c.String("auth")
	if text == "" {
		return "", "", nil
	}
	user, password, ok := strings.Cut(text, ":")
	if !ok || password == "" {
		return "", "", cmdline.Usagef("--auth: give USER:PASSWORD, or set UDPCAM_AUTH to it, where other users do not see it")
	}
	return user, password, nil
}

// encryptionOf is what --tls-cert and --tls-key give, nil if neither is there.
func encryptionOf(c *cli.Context) (*tls.Config, error) {
	cert, key := c.String("tls-cert"), c.String("tls-key")
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, cmdline.Usagef("--tls-cert and --tls-key belong together: give both")
	}
	pair := &keyPair{cert: cert, key: key}
	if _, err := pair.get(nil); err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return &tls.Config{GetCertificate: pair.get, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// url is where a browser on this machine finds the page.
func (s *server) url() string {
	addr := s.listener.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "localhost"
	}
	return s.scheme + "://" + net.JoinHostPort(host, strconv.Itoa(addr.Port)) + "/"
}

// serve answers requests until ctx is done.
func (s *server) serve(ctx context.Context) error { return s.Serve(ctx, s.listener) }

// pull shows the frames, all of one stream, of a source on demand until ctx is done or the source is over. A source that fails before it
// has brought a single frame is not there, or is not what the user thinks: fail is called then.
func (s *server) pull(ctx context.Context, open frames, linger time.Duration, stream string, fail func(error)) error {
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
	}, linger, stream)
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
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--html: %w", err)
	}
	defer file.Close()
	page, err := io.ReadAll(io.LimitReader(file, maxPage+1)) // its size is no measure: it may be a device
	if err == nil && len(page) > maxPage {
		err = fmt.Errorf("%s is no page: it is larger than %d bytes", name, maxPage)
	}
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

// A keyPair is a certificate and its key in files that somebody renews now and then: they are read again when they have
// changed, so that a server which runs for months goes on with the new one. What cannot be read is not taken.
type keyPair struct {
	cert, key string // files' names

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed time.Time // of cert, when it was loaded
}

// get implements [tls.Config.GetCertificate].
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.cert)
	if err == nil && p.loaded != nil && info.ModTime().Equal(p.changed) {
		return p.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	switch {
	case err == nil && info != nil:
		p.loaded, p.changed = &pair, info.ModTime()
	case p.loaded == nil:
		return nil, err
	}
	return p.loaded, nil
}
