package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"

	"udpcam/internal/hubconn"
	"udpcam/protocol/hub"
)

// A hubConfig says how a hub's NATS server runs. Addresses are host:port. An empty one is not listened on.
type hubConfig struct {
	name                  string
	listen, cluster, leaf string
	clusterName           string   // the same at each hub of a cluster, and another at each site
	routes, remotes       []string // URLs of other hubs of the cluster, and of hubs to which this one is a leaf
	secret                *hubconn.Secret
	log                   *slog.Logger
}

const (
	// hubPayload is the largest message. It is the same everywhere: a leaf with less drops its connection at each larger one.
	hubPayload    = 8 << 20
	hubPending    = 16 << 20 // what waits for one client before it is given up
	hubPingEvery  = 500 * time.Millisecond
	hubPingsOut   = 2 // so a hub that hangs is left after 1.5 s; NATS's own times would be minutes
	hubWrite      = 2 * time.Second
	hubReconnect  = 250 * time.Millisecond
	hubStartLimit = 10 * time.Second
)

// startHub starts a NATS server. It serves until it is shut down.
func startHub(c hubConfig) (*natsd.Server, error) {
	off := natsd.CompressionOpts{Mode: natsd.CompressionOff} // pictures do not get smaller
	o := &natsd.Options{
		ServerName:            c.name,
		NoSigs:                true,
		NoSystemAccount:       true,
		MaxPayload:            hubPayload,
		MaxPending:            hubPending,
		NoFastProducerStall:   true,
		WriteDeadline:         hubWrite,
		PingInterval:          hubPingEvery,
		MaxPingsOut:           hubPingsOut,
		DisableShortFirstPing: true,
	}
	o.LeafNode.Compression, o.LeafNode.ReconnectInterval = off, hubReconnect
	var err error
	if o.Host, o.Port, err = splitAddr(c.listen); err != nil {
		return nil, err
	}
	if c.cluster != "" {
		o.Cluster = natsd.ClusterOpts{
			Name: c.clusterName, Compression: off, PingInterval: hubPingEvery, MaxPingsOut: hubPingsOut, PoolSize: -1}
		if o.Cluster.Host, o.Cluster.Port, err = splitAddr(c.cluster); err != nil {
			return nil, err
		}
	}
	if c.leaf != "" {
		if o.LeafNode.Host, o.LeafNode.Port, err = splitAddr(c.leaf); err != nil {
			return nil, err
		}
	}
	for _, text := range c.routes {
		u, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		o.Routes = append(o.Routes, u)
	}
	var remotes []*url.URL
	for _, text := range c.remotes {
		u, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		remotes = append(remotes, u)
	}
	if remotes != nil { // the hubs of one cluster: the leaf goes to another of them when one fails
		r := &natsd.RemoteLeafOpts{URLs: remotes, Compression: off}
		if c.secret != nil {
			r.TLS, r.TLSConfig, r.TLSTimeout = true, c.secret.TLS(), 2
		}
		o.LeafNode.Remotes = append(o.LeafNode.Remotes, r)
	}
	if c.secret != nil {
		o.TLSConfig, o.TLSTimeout = c.secret.ServerTLS(true), 2
		o.CustomClientAuthentication = roleCheck{*c.secret}
		if c.cluster != "" {
			o.Cluster.TLSConfig, o.Cluster.TLSTimeout = c.secret.ServerTLS(false), 2
		}
		if c.leaf != "" {
			o.LeafNode.TLSConfig, o.LeafNode.TLSTimeout = c.secret.ServerTLS(false), 2
		}
	}
	s, err := natsd.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("the NATS server: %w", err)
	}
	logs := &hubLog{log: c.log, fatal: make(chan string, 1)}
	s.SetLogger(logs, false, false)
	go s.Start()
	ready := make(chan bool, 1)
	go func() { ready <- s.ReadyForConnections(hubStartLimit) }()
	select {
	case ok := <-ready:
		if ok {
			return s, nil
		}
		err = errors.New("the NATS server does not start")
	case text := <-logs.fatal:
		err = errors.New(text)
	}
	s.Shutdown()
	return nil, err
}

func splitAddr(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is no address to listen on: give HOST:PORT", addr)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if port == 0 {
		port = natsd.RANDOM_PORT
	}
	return host, port, nil
}

// A roleCheck gives each client the rights of the secret that its certificate is of.
type roleCheck struct{ secret hubconn.Secret }

// Check implements [natsd.Authentication].
func (r roleCheck) Check(c natsd.ClientAuthentication) bool {
	state := c.GetTLSConnectionState()
	if state == nil {
		return false
	}
	role, ok := r.secret.RoleOf(*state)
	if ok {
		c.RegisterUser(&natsd.User{Username: role.Kind, Permissions: permissionsOf(role)})
	}
	return ok
}

// permissionsOf returns what a client may do. Nil is everything.
func permissionsOf(role hubconn.Role) *natsd.Permissions {
	allow := func(subjects ...string) *natsd.SubjectPermission { return &natsd.SubjectPermission{Allow: subjects} }
	switch role.Kind {
	case hubconn.RoleCamera:
		return &natsd.Permissions{Publish: allow("_INBOX.>", hub.InfoSubject("*")),
			Subscribe: allow(hub.ListSubject, hub.WantSubject("*", role.Camera))}
	case hubconn.RoleViewer:
		return &natsd.Permissions{Publish: allow(hub.ListSubject, hub.Prefix+"want.>"),
			Subscribe: allow("_INBOX.>", hub.InfoSubject("*"), hub.ListSubject),
			Response:  &natsd.ResponsePermission{MaxMsgs: 1, Expires: time.Minute}}
	}
	return nil
}

// A hubLog passes on what the NATS server warns of: a line a second of each kind.
type hubLog struct {
	log   *slog.Logger
	fatal chan string

	mu   sync.Mutex
	last map[string]time.Time
}

func (l *hubLog) warn(format string, v []any) {
	text := strings.TrimSpace(fmt.Sprintf(format, v...))
	if strings.Contains(text, "DO NOT USE IN PRODUCTION") {
		return // it does not know that keys are checked, not names
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.last[format]) >= time.Second {
		if l.last == nil || len(l.last) > 256 {
			l.last = map[string]time.Time{}
		}
		l.last[format] = now
		l.log.Warn("the NATS server", "says", text)
	}
}

// Errorf and the other methods implement [natsd.Logger].
func (l *hubLog) Errorf(format string, v ...any)  { l.warn(format, v) }
func (l *hubLog) Warnf(format string, v ...any)   { l.warn(format, v) }
func (l *hubLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *hubLog) Debugf(string, ...any)           {}
func (l *hubLog) Tracef(string, ...any)           {}
func (l *hubLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}
