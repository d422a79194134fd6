// Package guard protects udpcam's HTTP servers from strangers. [Listen] makes a port alone mean this machine alone. [Serve]
// bounds what connections cost, and [Gate] says whose requests are answered.
package guard

import (
	"fmt"
	"log/slog"
	"net/http"
)

// Rules say who may use a server.
type Rules struct {
	// AllowHosts are the names by which clients may address the server, besides localhost, this machine's own name and IP
	// addresses. "*" allows every name. This stops DNS rebinding: there, the name of a hostile site resolves to this machine,
	// and the site speaks to the server through a visitor's browser.
	AllowHosts []string
	// User and Password are asked for if Password is not empty. Token, if not empty, lets in as well.
	User, Password, Token string
	// Log, if set, is told who gives a wrong password or token, in at most one line a second.
	Log *slog.Logger
}

// Secret reports whether a client must know something to be let in.
func (r Rules) Secret() bool { return r.Password != "" || r.Token != "" }

// A Gate says whose requests are answered. Any number of goroutines may call its methods.
type Gate struct {
	hosts   hostList
	origins *http.CrossOriginProtection
	login   *login
}

// NewGate returns a gate that keeps the rules.
func NewGate(r Rules) *Gate {
	return &Gate{newHostList(r.AllowHosts), http.NewCrossOriginProtection(), newLogin(r)}
}

// Check returns 0 if a request may be answered, and otherwise the status to answer with, and a text. Then it has set the
// headers that belong to the status.
//
// The server must be addressed by a name of its own. A request that can change something must not come from another site's
// page. And the client must know the password or token, if there is one. Guesses are slowed: see [guesses].
func (g *Gate) Check(w http.ResponseWriter, r *http.Request) (status int, why string) {
	if !g.hosts.allows(r.Host) {
		name := normalHost(r.Host)
		return http.StatusForbidden, fmt.Sprintf("%q is not a known name of this server. "+
			"If the name is right, start the server with --allow-host %s", name, name)
	}
	if g.origins.Check(r) != nil {
		return http.StatusForbidden, "the request comes from another site's page"
	}
	return g.login.check(w, r)
}

// Unauthorized returns how many requests came without the right password or token.
func (g *Gate) Unauthorized() uint64 { return g.login.refused.Load() }
