package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/guard"
	"udpcam/receiver/web"
)

// maxPage is the largest file that --html takes, in bytes. It stops a recording that is named by mistake.
const maxPage = 16 << 20

// A server shows frames to browsers.
type server struct {
	*web.Server
	session  *session
	listener net.Listener
	pictures *datagrams // for pages that get them as datagrams; nil if none does
	scheme   string
	token    string
	qr       bool // the terminal gets the page's address as a QR code too
}

// serverConfig sets what the flags say about serving browsers at the address of --http, or else the usual one. It returns
// that address, "" without either, and how to encrypt.
func serverConfig(c *cli.Context, usual string, config *web.Config) (addr string, encryption *tls.Config, err error) {
	if addr = cmp.Or(c.String("http"), usual); addr == "" {
		return "", nil, nil
	}
	if c.Bool("qr") && c.Bool("json") {
		return "", nil, cmdline.Usagef("--qr and --json contradict: a QR code is for people")
	}
	if _, err := web.ListenAddr(addr); err != nil {
		return "", nil, cmdline.Usagef("--http: %w", err)
	}
	if _, err := datagramsAddr(c.String("datagrams"), addr); err != nil {
		return "", nil, err
	}
	config.AllowHosts, config.Token = cmdline.List(c, "allow-host"), c.String("token")
	config.MaxViewers, config.MaxPixels = c.Int("max-viewers"), c.Int("max-pixels")
	if err := othersOf(c, config); err != nil {
		return "", nil, err
	}
	if config.HTML, err = readPage(c.String("html")); err != nil {
		return "", nil, err
	}
	if config.User, config.Password, err = authOf(c); err != nil {
		return "", nil, err
	}
	encryption, err = encryptionOf(c)
	return addr, encryption, err
}

// checkServer checks the flags for serving browsers.
func checkServer(c *cli.Context, usual string) error {
	_, _, err := serverConfig(c, usual, &web.Config{})
	return err
}

// openServer listens on the address of --http, or else the usual one. Without either it returns nil. config says what the
// flags do not.
func openServer(c *cli.Context, usual string, config web.Config, s *session) (*server, error) {
	addr, encryption, err := serverConfig(c, usual, &config)
	if addr == "" || err != nil {
		return nil, err
	}
	config.Skip, config.Log = s.skipped.count, s.log
	full, _ := web.ListenAddr(addr) // serverConfig has seen it
	listener, err := web.Listen(c.Context, addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--http %s: another program has this port: try --http %s", full, nextPort(full))
	}
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	pictures, err := openDatagrams(c.String("datagrams"), listener.Addr(), c.Int("max-viewers"), s.log)
	if err != nil {
		listener.Close()
		return nil, err
	}
	if pictures != nil {
		config.Datagrams, config.Metrics = pictures, joined(config.Metrics, pictures.metrics)
	}
	to := &server{Server: web.New(config), session: s, listener: listener, pictures: pictures, scheme: "http",
		token: config.Token, qr: c.Bool("qr")}
	if encryption != nil {
		to.listener, to.scheme = tls.NewListener(listener, encryption), "https"
	}
	address, exposed := guard.Exposed(full, listener)
	switch secret := config.Password + config.Token; {
	case !exposed:
	case secret == "":
		s.log.Warn("everyone on the network can watch: ask for a password or a token (--auth, --token)", "address", address)
	case encryption == nil:
		s.log.Warn("others can read the password or token on its way: encrypt with --tls-cert and --tls-key", "url", to.url())
	}
	if to.qr && !exposed {
		to.close()
		return nil, cmdline.Usagef("--qr is for other machines, and --http %s is for this one alone: give an address such as "+
			"--http 0.0.0.0:8080", full)
	}
	return to, nil
}

// joined returns the metrics of two functions. The first may be nil.
func joined(one, other func() []web.Metric) func() []web.Metric {
	if one == nil {
		return other
	}
	return func() []web.Metric { return append(one(), other()...) }
}

// othersOf sets what --allow-origin and --trust-proxy say.
func othersOf(c *cli.Context, config *web.Config) error {
	for _, text := range cmdline.List(c, "allow-origin") {
		origin, err := web.ParseOrigin(text)
		if err != nil {
			return cmdline.Usagef("--allow-origin: %w", err)
		}
		config.AllowOrigins = append(config.AllowOrigins, origin)
	}
	for _, text := range cmdline.List(c, "trust-proxy") {
		network, err := networkOf(text)
		if err != nil {
			return cmdline.Usagef("--trust-proxy %q: give an IP address, or a network such as 10.0.0.0/8", text)
		}
		config.TrustProxies = append(config.TrustProxies, network)
	}
	return nil
}

// authOf returns the user and password of --auth, or nothing without the flag.
func authOf(c *cli.Context) (user, password string, err error) {
	auth := c.String("auth")
	user, password, _ = strings.Cut(auth, ":")
	if auth != "" && password == "" {
		err = cmdline.Usagef("--auth: give USER:PASSWORD; in the variable UDPCAM_AUTH, other users do not see it")
	}
	return user, password, err
}

// encryptionOf returns the TLS configuration of --tls-cert and --tls-key, or nil without these flags. The files are read at
// each handshake, because certificates are renewed now and then. While the two files do not fit together, the last
// certificate stays in use.
func encryptionOf(c *cli.Context) (*tls.Config, error) {
	cert, key := c.String("tls-cert"), c.String("tls-key")
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, cmdline.Usagef("--tls-cert and --tls-key belong together: give both")
	}
	var last atomic.Pointer[tls.Certificate]
	load := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err == nil {
			last.Store(&pair)
		} else if last.Load() == nil {
			return nil, err
		}
		return last.Load(), nil
	}
	if _, err := load(nil); err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return &tls.Config{GetCertificate: load, NextProtos: []string{"h2", "http/1.1"}}, nil
}

func (s *server) serve(ctx context.Context) error { return s.Serve(ctx, s.listener) }

// close frees the address, and ends every viewer.
func (s *server) close() {
	s.listener.Close()
	s.Close()
	if s.pictures != nil {
		s.pictures.close()
	}
}

// readPage reads the file of --html. Without the flag it returns nil.
func readPage(name string) (page []byte, err error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err == nil {
		defer file.Close()
		page, err = io.ReadAll(io.LimitReader(file, maxPage+1)) // its size may be unknown: it may be a device
	}
	if len(page) > maxPage {
		err = fmt.Errorf("%s is no page: it is larger than %d bytes", name, maxPage)
	}
	if err != nil {
		return nil, fmt.Errorf("--html: %w", err)
	}
	return page, nil
}

// nextPort returns addr with the next port.
func nextPort(addr string) string {
	host, port, _ := net.SplitHostPort(addr) // ListenAddr has made it
	n, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(n%65535+1))
}
