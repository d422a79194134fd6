// Package guard protects udpcam's HTTP servers from strangers. [Listen] makes a port alone mean this machine alone. [Serve]
// bounds what connections cost, and [Gate] says whose requests are answered.
package guard

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rules say who may use a server.
type Rules struct {
	// AllowHosts are the names by which clients may address the server, besides IP addresses, this machine's own name and those
	// that only a local network gives: localhost, names without dots, and names such as camera.lan (see hosts.go). "*" allows
	// every name. This stops DNS rebinding: there, the name of a hostile site resolves to this machine, and the site speaks to
	// the server through a visitor's browser.
	AllowHosts []string
	// User and Password are asked for if Password is not empty. Token, if not empty, lets in as well.
	User, Password, Token string
	// Log gets who is refused, at most one line a second; of each unknown name and foreign page only the first. Nil means no
	// log.
	Log *slog.Logger
}

// Secret reports whether a client must know something to be let in.
func (r Rules) Secret() bool { return r.Password != "" || r.Token != "" }

// A Gate says whose requests are answered. Any number of goroutines may call its methods.
type Gate struct {
	hosts   hostList
	origins *http.CrossOriginProtection
	login   *login

	log    *slog.Logger
	pace   rate.Sometimes // of its lines
	mu     sync.Mutex
	logged map[string]bool // names and origins that are in the log
}

// NewGate returns a gate that keeps the rules.
func NewGate(r Rules) *Gate {
	g := &Gate{hosts: newHostList(r.AllowHosts), origins: http.NewCrossOriginProtection(), login: newLogin(r), log: r.Log,
		pace: rate.Sometimes{Interval: time.Second}, logged: map[string]bool{}}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	return g
}

// Check returns 0 if a request may be answered, and otherwise the status to answer with, and a text. Then it has set the
// headers that belong to the status.
//
// The server must be addressed by a name of its own. A request that can change something must not come from another site's
// page. And the client must know the password or token, if there is one. Guesses are slowed: see [guesses].
func (g *Gate) Check(w http.ResponseWriter, r *http.Request) (status int, why string) {
	if status, why = g.CheckHost(r); status != 0 {
		return status, why
	}
	if g.origins.Check(r) != nil && !g.ownPage(r) {
		return g.forbidPage(r)
	}
	status, why, wrong := g.login.check(w, r)
	if wrong {
		g.pace.Do(func() { g.log.Warn("a wrong password or token", "from", Household(r.RemoteAddr)) })
	}
	return status, why
}

// CheckHost does the first part of what [Gate.Check] does: the server must be addressed by a name of its own.
func (g *Gate) CheckHost(r *http.Request) (status int, why string) {
	if g.hosts.allows(r.Host) {
		return 0, ""
	}
	name := normalHost(r.Host)
	return g.forbid(r, name, fmt.Sprintf("%q is not a known name of this server. "+
		"If the name is right, start the server with --allow-host %s", name, name))
}

// CheckPage returns 0 if a request comes from a page of this server, or from no page at all, and otherwise what [Gate.Check]
// returns. It is for WebSockets: browsers let every page open one.
func (g *Gate) CheckPage(r *http.Request) (status int, why string) {
	if origin := r.Header.Get("Origin"); origin == "" || g.ownPage(r) {
		return 0, ""
	} else if u, err := url.Parse(origin); err == nil && strings.EqualFold(u.Host, r.Host) {
		return 0, ""
	}
	return g.forbidPage(r)
}

// ownPage reports whether a request comes from a page at a name that was given to the server as its own. A proxy may
// address the server by another name than browsers address the proxy.
func (g *Gate) ownPage(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && g.hosts.given[normalHost(u.Host)]
}

func (g *Gate) forbidPage(r *http.Request) (status int, why string) {
	origin := r.Header.Get("Origin")
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return g.forbid(r, origin, "the request comes from another site's page")
	}
	return g.forbid(r, origin, fmt.Sprintf("the request comes from another site's page, %s. If that is this server "+
		"behind a proxy, start the server with --allow-host %s", origin, normalHost(u.Host)))
}

// forbid logs why a request is refused, if nothing with the same key has been logged.
func (g *Gate) forbid(r *http.Request, key, why string) (status int, _ string) {
	const most = 100 // keys, so that strangers cannot fill the memory
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.logged[key] && len(g.logged) < most {
		g.pace.Do(func() {
			g.logged[key] = true
			g.log.Warn("a request is refused", "from", Household(r.RemoteAddr), "why", why)
		})
	}
	return http.StatusForbidden, why
}

// Unauthorized returns how many requests came without the right password or token.
func (g *Gate) Unauthorized() uint64 { return g.login.refused.Load() }
