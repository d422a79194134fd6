// Package hubconn connects to hubs: NATS servers, which udpcam hub starts, or somebody's own.
package hubconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

// DefaultPort is the port of hubs, as of all NATS servers.
const DefaultPort = "4222"

// A Config says how to connect.
type Config struct {
	URLs   []string // of one or more hubs of the same cluster: nats://host:port
	Secret *Secret  // nil if the hub has none
	Name   string   // of this client, for who looks at the server
	Log    *slog.Logger
	// Wait has Dial fail if no hub can be reached now. Without it, Dial tries on in the background.
	Wait bool
}

// A Conn is a connection to one hub at a time. If that is lost, it goes to another, or tries again and again. What is published
// meanwhile is lost. Its methods, and those of nats.Conn, may be called from any goroutine.
type Conn struct {
	*nats.Conn
	log *slog.Logger

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, when what follows changes
	epoch   int           // counts the connections; 0 before the first
	trouble string        // why there is none, "" if there is one
	told    time.Time     // when the log last had trouble that may repeat
	closed  bool          // on purpose
}

// A State is the state of a Conn at one moment.
type State struct {
	Epoch   int             // another for each connection, 0 before the first
	Trouble string          // why there is no connection and what to do, "" if there is one
	Changed <-chan struct{} // closed when the state changes
}

// Hub returns the name of the server that c is connected to, or its address if it has no name of its own.
func (c *Conn) Hub() string {
	name := c.ConnectedServerName()
	if len(name) == 56 && strings.HasPrefix(name, "N") { // a NATS server without a name uses its key
		return c.ConnectedAddr()
	}
	return cmp.Or(name, c.ConnectedAddr())
}

// The times are short because frames are worthless after a second. A server that hangs is left after 1.2 s.
const (
	pingEvery     = 400 * time.Millisecond
	pingsOut      = 2
	dialTimeout   = time.Second
	writeTimeout  = time.Second
	reconnectWait = 100 * time.Millisecond
)

// Dial connects to a hub. An error says what to do.
func Dial(ctx context.Context, config Config) (*Conn, error) {
	c := &Conn{log: config.Log, changed: make(chan struct{}), trouble: "not connected to a hub yet"}
	var urls []string
	for _, text := range config.URLs {
		u, err := ParseURL(text, DefaultPort)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	options := []nats.Option{
		nats.Name(config.Name), nats.Timeout(dialTimeout), nats.FlusherTimeout(writeTimeout),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsOut),
		nats.ReconnectWait(
			reconnectWait,
		), nats.ReconnectJitter(20*time.Millisecond, 20*time.Millisecond), nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1), // else old frames would be sent again
		nats.RetryOnFailedConnect(!config.Wait),
		nats.IgnoreAuthErrorAbort(), // a hub may get its users later than its clients come
		nats.ConnectHandler(func(*nats.Conn) { c.connected() }),
		nats.ReconnectHandler(func(*nats.Conn) { c.connected() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { c.failed(cmp.Or(err, nats.ErrConnectionClosed)) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.failed(explain(err, config)) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.complain(err) }),
	}
	if config.Secret != nil {
		options = append(options, nats.Secure(config.Secret.TLS()))
	}
	nc, err := nats.Connect(strings.Join(urls, ","), options...)
	if err != nil {
		return nil, explain(err, config)
	}
	c.mu.Lock()
	c.Conn = nc
	c.mu.Unlock()
	if nc.IsConnected() {
		c.connected()
	}
	context.AfterFunc(ctx, c.Close)
	return c, nil
}

// Close ends the connection for good.
func (c *Conn) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.Conn.Close()
}

// ParseURL completes the address of a hub: HOST, HOST:PORT, or a URL with the scheme nats or tls. The port is the usual one.
func ParseURL(text, port string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "nats" && u.Scheme != "tls" {
		return "", fmt.Errorf("%q is no address of a hub: give one such as nats://192.168.1.5:%s", text, port)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return u.String(), nil
}

// explain says what is wrong with a hub, and what to do.
func explain(err error, config Config) error {
	where := strings.Join(config.URLs, ", ")
	if u, failed := url.Parse(where); failed == nil {
		where = u.Redacted()
	}
	say := func(what string) error { return fmt.Errorf("%s: %s (%w)", where, what, err) }
	text := err.Error()
	switch {
	case errors.Is(err, nats.ErrSecureConnWanted):
		return say("the hub has no secret: leave out --hub-secret, or start the hub with one")
	case errors.Is(err, errOtherSecret), config.Secret != nil && strings.Contains(text, "tls: "):
		return say("the hub has another secret: give the same --hub-secret-file here as there, or one derived from it")
	case strings.Contains(text, "x509: "), strings.Contains(text, "tls: "), errors.Is(err, nats.ErrSecureConnRequired):
		return say("the hub asks for its secret: give it with --hub-secret-file")
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), strings.Contains(text, "Authorization"):
		return say("the NATS server wants a user: give nats://USER:PASSWORD@HOST, or nats://TOKEN@HOST")
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, syscall.ECONNREFUSED):
		return say("there is no hub: start one there with udpcam hub, or give another address")
	case errors.Is(err, nats.ErrTimeout), isTimeout(err):
		return say("no answer: is the machine on, and does a firewall let its port through?")
	}
	return say("cannot connect to the hub")
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// State returns the state of the connection.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{c.epoch, c.trouble, c.changed}
}

func (c *Conn) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Conn == nil || c.trouble == "" { // Dial calls this itself
		return
	}
	c.epoch++
	c.change("")
	c.log.Info("connected to the hub", "hub", c.Hub(), "addr", c.ConnectedAddr())
	if version := c.ConnectedServerVersion(); !c.HeadersSupported() || old(version) {
		c.log.Error("the NATS server is too old: frames may not come through. Update it to 2.9 or newer, or use udpcam hub",
			"version", version)
	}
}

// old reports whether a server is older than 2.9. Versions that are no numbers are believed to be new.
func old(version string) bool {
	var major, minor int
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return n == 2 && (major < 2 || major == 2 && minor < 9)
}

func (c *Conn) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if c.trouble == "" || time.Since(c.told) > time.Minute || c.epoch == 0 && c.told.IsZero() {
		c.told = time.Now()
		c.log.Warn("no connection to a hub: udpcam goes on trying", "error", err)
	}
	c.change(err.Error())
}

// change wants c.mu held.
func (c *Conn) change(trouble string) {
	c.trouble = trouble
	close(c.changed)
	c.changed = make(chan struct{})
}

// complain logs an error that stops nothing.
func (c *Conn) complain(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, nats.ErrSlowConsumer) || time.Since(c.told) < time.Second {
		return // a slow consumer leaves out frames, and those are counted
	}
	c.told = time.Now()
	if errors.Is(err, nats.ErrPermissionViolation) {
		err = fmt.Errorf("the hub's secret that was given here does not let udpcam do that: %w", err)
	}
	c.log.Warn("the hub refuses something", "error", err)
}
