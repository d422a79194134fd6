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

// A login lets in clients that know the password or the token, see [Config.Password] and [Config.Token]. If none is set, it
// lets in everybody. A viewer gets a cookie that is valid until the server ends. It is needed because browsers do not send
// the password with every request of a page, and because a token in an address ends up in logs.
type login struct {
	user, password, token string
	cookie                string // its random value
	limit                 *loginLimit
	refused               atomic.Uint64
}

func newLogin(c Config) *login {
	return &login{user: c.User, password: c.Password, token: c.Token, cookie: rand.Text(), limit: newLoginLimit()}
}

// admits reports whether a request may be answered. If not, admits has answered the request itself: with an error, or with
// a redirect to the address without the token.
func (l *login) admits(w http.ResponseWriter, r *http.Request) bool {
	if l.password == "" && l.token == "" {
		return true
	}
	name := cookieName(r.Host)
	if c, err := r.Cookie(name); err == nil && same(c.Value, l.cookie) {
		return true
	}
	query := r.URL.Query().Get("token")
	known, wait := l.knows(r, query)
	if !known {
		l.refuse(w, wait)
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: l.cookie, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteLaxMode})
	if query != "" && strings.HasPrefix(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Location", withoutToken(r.URL))
		w.WriteHeader(http.StatusSeeOther)
		return false
	}
	return true
}

// knows reports whether a request has the right password or token, or how many seconds to wait before another guess. A
// request with neither is no guess.
func (l *login) knows(r *http.Request, token string) (known bool, wait int) {
	header := r.Header.Get("Authorization")
	if header == "" && token == "" {
		return false, 0
	}
	if bearer, ok := strings.CutPrefix(header, "Bearer "); ok {
		token = bearer
	}
	return l.limit.try(r.RemoteAddr, header+"\n"+token, func() bool {
		user, password, _ := r.BasicAuth()
		return l.token != "" && same(token, l.token) ||
			l.password != "" && same(user, l.user) && same(password, l.password)
	})
}

// refuse answers a request that is not let in. If wait is not 0, another guess has to wait for that many seconds.
func (l *login) refuse(w http.ResponseWriter, wait int) {
	l.refused.Add(1)
	switch {
	case wait > 0:
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		http.Error(w, fmt.Sprintf("too many wrong passwords or tokens: try again in %d s", wait), http.StatusTooManyRequests)
	case l.password != "":
		w.Header().Set("WWW-Authenticate", `Basic realm="udpcam", charset="UTF-8"`)
		http.Error(w, "this server wants a user's name and password", http.StatusUnauthorized)
	default:
		http.Error(w, "this server wants a token: add ?token=… to the address, or send Authorization: Bearer …",
			http.StatusUnauthorized)
	}
}

// withoutToken returns the address without the token. It is relative, because the server may be mounted under a prefix.
func withoutToken(u *url.URL) string {
	query := u.Query()
	query.Del("token")
	return "./" + u.EscapedPath()[strings.LastIndex(u.EscapedPath(), "/")+1:] + "?" + query.Encode()
}

// cookieName differs between the ports of a machine, which share their cookies.
func cookieName(host string) string {
	sum := sha256.Sum256([]byte(host))
	return "udpcam_" + hex.EncodeToString(sum[:4])
}

// same reports whether a and b are equal. Its duration reveals nothing about b, not even the length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
