package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// A login lets those in who know the password or the token, see [Config.Password] and [Config.Token]. Whoever has shown
// one gets a cookie, which stands for it until the server ends: browsers send that, but not always a password, with what a
// page asks for, and a token in an address ends up in logs.
type login struct {
	user, password, token string
	cookie                string // its value; random, so that it tells nothing
	guesses               *guesses
	refused               atomic.Uint64
}

func newLogin(c Config) *login {
	if c.Password == "" && c.Token == "" {
		return nil
	}
	return &login{user: c.User, password: c.Password, token: c.Token, cookie: rand.Text(), guesses: newGuesses()}
}

// admits reports whether a request may be answered, and answers it itself if not, or if the browser had better ask again
// without the token. A nil login lets everybody in.
func (l *login) admits(w http.ResponseWriter, r *http.Request) bool {
	if l == nil {
		return true
	}
	name := cookieName(r.Host)
	if c, err := r.Cookie(name); err == nil && same(c.Value, l.cookie) {
		return true
	}
	token, inAddress := tokenOf(r)
	known, wait := l.knows(r, token)
	switch {
	case wait > 0:
		l.refused.Add(1)
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		http.Error(w, fmt.Sprintf("too many wrong passwords or tokens: try again in %d s", wait), http.StatusTooManyRequests)
		return false
	case !known:
		if l.password != "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="udpcam", charset="UTF-8"`)
		}
		l.refused.Add(1)
		http.Error(w, l.advice(), http.StatusUnauthorized)
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: l.cookie, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteLaxMode})
	if inAddress && strings.HasPrefix(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Location", withoutToken(r.URL))
		w.WriteHeader(http.StatusSeeOther)
		return false
	}
	return true
}

// knows reports whether what comes with a request is right, or for how many seconds its sender has to wait with another
// guess. Nothing is no guess.
func (l *login) knows(r *http.Request, token string) (known bool, wait int) {
	basic := r.Header.Get("Authorization")
	if basic == "" && token == "" {
		return false, 0
	}
	return l.guesses.try(r.RemoteAddr, basic+"\n"+token, func() bool {
		user, password, _ := r.BasicAuth()
		return l.token != "" && same(token, l.token) ||
			l.password != "" && same(user, l.user) && same(password, l.password)
	})
}

// refusals returns how many requests were refused.
func (l *login) refusals() uint64 {
	if l == nil {
		return 0
	}
	return l.refused.Load()
}

func (l *login) advice() string {
	if l.password == "" {
		return "this server wants a token: add ?token=… to the address, or send Authorization: Bearer …"
	}
	return "this server wants a user's name and password"
}

// tokenOf returns the token that comes with a request, and whether it is in its address.
func tokenOf(r *http.Request) (token string, inAddress bool) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token, false
	}
	token = r.URL.Query().Get("token")
	return token, token != ""
}

// withoutToken is the same address without the token, relative, for the server does not know what prefix it is mounted under.
func withoutToken(u *url.URL) string {
	query := u.Query()
	query.Del("token")
	return "./" + u.EscapedPath()[strings.LastIndex(u.EscapedPath(), "/")+1:] + "?" + query.Encode()
}

// cookieName differs between the ports of a machine, which cookies do not.
func cookieName(host string) string {
	sum := sha256.Sum256([]byte(host))
	return "udpcam_" + hex.EncodeToString(sum[:4])
}

// same compares in a time that tells nothing, not even the length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
