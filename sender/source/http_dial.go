package source

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// dialTime is how long it may take until there is a connection to a camera.
const dialTime = 10 * time.Second

var errHungUp = errors.New("it hangs up without an answer")

// A dialer opens connections to cameras, through a proxy if HTTP_PROXY or HTTPS_PROXY says so.
type dialer struct {
	connect  func(ctx context.Context, network, address string) (net.Conn, error)
	insecure bool     // take any certificate
	pins     []string // SHA-256 of the certificates that are taken, in hex; none means any that is proved
	oldTLS   bool
	through  func(*http.Request) (*url.URL, error) // the proxy
}

// A route is where a connection leads.
type route struct {
	scheme, address string // the camera's
	proxy           string // "" without
	absolute        bool   // requests name the whole URL, as a proxy wants it for http
}

func (d *dialer) routeOf(req *http.Request) (r route, err error) {
	port := cmp.Or(req.URL.Port(), map[string]string{"http": "80", "https": "443"}[req.URL.Scheme])
	r = route{scheme: req.URL.Scheme, address: net.JoinHostPort(req.URL.Hostname(), port)}
	through, err := d.through(req)
	if through != nil {
		r.proxy = through.String()
		r.absolute = req.URL.Scheme == "http" && strings.HasPrefix(through.Scheme, "http")
		if login := proxyLogin(through); r.absolute && login != "" {
			req.Header.Set("Proxy-Authorization", login)
		}
	}
	return r, err
}

// open opens a connection.
func (d *dialer) open(ctx context.Context, to route) (*line, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTime, fmt.Errorf("no connection within %v", dialTime))
	defer cancel()
	conn, err := d.reach(ctx, to)
	if err == nil && to.scheme == "https" {
		conn, err = d.secure(ctx, conn, to.address)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return &line{conn: conn, in: bufio.NewReaderSize(conn, maxCameraHeader), route: to}, nil
}

// reach opens a connection without encryption, directly or through a proxy.
func (d *dialer) reach(ctx context.Context, to route) (net.Conn, error) {
	if to.proxy == "" {
		return d.connect(ctx, "tcp", to.address)
	}
	through, err := url.Parse(to.proxy)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(through.Scheme, "socks") {
		socks, err := proxy.FromURL(through, directly(d.connect))
		if err != nil {
			return nil, err
		}
		return socks.(proxy.ContextDialer).DialContext(ctx, "tcp", to.address)
	}
	usual := map[string]string{"http": "80", "https": "443"}[through.Scheme]
	address := net.JoinHostPort(through.Hostname(), cmp.Or(through.Port(), usual))
	conn, err := d.connect(ctx, "tcp", address)
	if err == nil && through.Scheme == "https" {
		conn, err = handshake(ctx, conn, &tls.Config{ServerName: through.Hostname()})
	}
	if err != nil || to.absolute {
		return conn, err
	}
	return conn, tunnel(ctx, conn, to.address, proxyLogin(through))
}

// directly is the dialer that a proxy is reached with.
type directly func(ctx context.Context, network, address string) (net.Conn, error)

func (d directly) Dial(network, address string) (net.Conn, error) {
	return d(context.Background(), network, address)
}

func (d directly) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

func proxyLogin(through *url.URL) string {
	if through.User == nil {
		return ""
	}
	password, _ := through.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(through.User.Username()+":"+password))
}

// tunnel asks a proxy to connect conn to an address. On an error, conn is closed.
func tunnel(ctx context.Context, conn net.Conn, address, login string) error {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if login != "" {
		req.Header.Set("Proxy-Authorization", login)
	}
	err := req.Write(conn)
	if err == nil {
		var res *http.Response
		// Buffering loses nothing: the proxy says no more before TLS begins.
		res, err = http.ReadResponse(bufio.NewReaderSize(conn, 16), req)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("the proxy answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
		}
	}
	if err != nil {
		conn.Close()
	}
	return err
}

// secure encrypts a connection to a camera.
func (d *dialer) secure(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	host, _, _ = strings.Cut(host, "%")
	config := &tls.Config{ServerName: host}
	if d.insecure || len(d.pins) > 0 {
		config.InsecureSkipVerify = true // VerifyConnection judges instead
		config.VerifyConnection = func(s tls.ConnectionState) error {
			if pin := pinOf(s.PeerCertificates[0].Raw); len(d.pins) > 0 && !slices.Contains(d.pins, pin) {
				return final("its certificate is another than --pin names: it has sha256:%s. Ask who looks after the camera "+
					"whether that is right", pin)
			}
			return nil
		}
	}
	if d.oldTLS {
		config.MinVersion = tls.VersionTLS10
		for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
			config.CipherSuites = append(config.CipherSuites, suite.ID)
		}
	}
	secured, err := handshake(ctx, conn, config)
	var plain tls.RecordHeaderError
	var unproved *tls.CertificateVerificationError
	var judged *refusal
	switch {
	case err == nil:
		return secured, nil
	case errors.As(err, &plain):
		return nil, final("it does not speak https on this port; use http://, or another port")
	case errors.As(err, &unproved), errors.As(err, &judged), !strings.Contains(err.Error(), "tls: "):
		return nil, err
	case d.oldTLS:
		return nil, final("it does not agree on how to encrypt (%w), not even with --old-tls; use http:// where the network is "+
			"trusted", err)
	}
	return nil, final("it does not agree on how to encrypt (%w); if it is old, try --old-tls", err)
}

// handshake begins TLS. On an error, conn is closed.
func handshake(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}

// pinOf returns the SHA-256 of a certificate (DER) in hex. Browsers and openssl call it the certificate's fingerprint.
func pinOf(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return hex.EncodeToString(sum[:])
}

// parsePins returns Options.Pins, as pinOf has them. Browsers write them with colons, and in capitals.
func parsePins(texts []string) (pins []string, err error) {
	for _, text := range texts {
		digits := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "sha256:")
		digits = strings.NewReplacer(":", "", " ", "").Replace(digits)
		if b, err := hex.DecodeString(digits); err != nil || len(b) != sha256.Size {
			return nil, fmt.Errorf("%q is no pin: the form is sha256: and 64 hexadecimal digits; without a pin, "+
				"the error shows it", text)
		}
		pins = append(pins, digits)
	}
	return pins, nil
}
