package guard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// A login lets in clients that know the password or the token. If none is set, it lets in everybody. A client gets a cookie
// that is valid until the server ends. It is needed because browsers do not send the password with every request of a page,
// and because a token in an address ends up in logs.
type login struct {
	Rules
	cookie  string   // its random value
	guesses *guesses // nil if nothing is secret
	refused atomic.Uint64
	warn    rate.Sometimes
	wrong   atomic.Uint64 // guesses since the log has told of one
}

func newLogin(r Rules) *login {
	l := &login{Rules: r, cookie: rand.Text(), warn: rate.Sometimes{Interval: time.Second}}
	if r.Secret() {
		l.guesses = &guesses{seed: maphash.MakeSeed()}
	}
	return l
}

// check does what [Gate.Check] does. It may also redirect to the address without the token.
func (l *login) check(w http.ResponseWriter, r *http.Request) (status int, why string) {
	if !l.Secret() {
		return 0, ""
	}
	name := cookieName(r.Host)
	if c, err := r.Cookie(name); err == nil && same(c.Value, l.cookie) {
		return 0, ""
	}
	query := r.URL.Query().Get("token")
	known, wait := l.knows(r, query)
	if !known {
		return l.refuse(w, wait)
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: l.cookie, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteLaxMode})
	if query != "" && r.Method == http.MethodGet && strings.HasPrefix(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Location", withoutToken(r.URL))
		return http.StatusSeeOther, "you are logged in"
	}
	return 0, ""
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
	return l.guesses.try(r.Context(), r.RemoteAddr, header+"\n"+token, func() bool {
		user, password, _ := r.BasicAuth()
		right := l.Token != "" && same(token, l.Token) ||
			l.Password != "" && same(user, l.User) && same(password, l.Password)
		if !right {
			l.tell(r.RemoteAddr)
		}
		return right
	})
}

// tell logs a wrong guess.
func (l *login) tell(remoteAddr string) {
	l.wrong.Add(1)
	if l.Log == nil {
		return
	}
	l.warn.Do(func() {
		from, _, err := net.SplitHostPort(remoteAddr)
		if err != nil {
			from = remoteAddr
		}
		l.Log.Warn("a wrong password or token", "from", from, "guesses", l.wrong.Swap(0))
	})
}

// refuse says how to answer a request that is not let in. If wait is not 0, guesses are answered late for that many seconds.
func (l *login) refuse(w http.ResponseWriter, wait int) (status int, why string) {
	l.refused.Add(1)
	switch {
	case wait > 0:
		w.Header().Set("Retry-After", strconv.Itoa(wait))
		w.Header().Set("Connection", "close") // so that each guess costs a connection
		return http.StatusTooManyRequests, fmt.Sprintf("too many wrong passwords or tokens: try again in %d s", wait)
	case l.Password != "":
		w.Header().Set("WWW-Authenticate", `Basic realm="udpcam", charset="UTF-8"`)
		return http.StatusUnauthorized, "this server wants a user's name and password"
	}
	return http.StatusUnauthorized, "this server wants a token: add ?token=… to the address, or send Authorization: Bearer …"
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
