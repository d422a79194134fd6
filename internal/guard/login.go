package guard

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// A login lets in clients that know the password or the token. If none is set, it lets in everybody. A client gets a cookie.
// It is needed because browsers do not send the password with every request of a page, and because a token in an address
// ends up in logs.
type login struct {
	Rules
	cookie  http.Cookie
	guesses *guesses // nil if nothing is secret
	refused atomic.Uint64
}

func newLogin(r Rules) *login {
	l := &login{Rules: r}
	if r.Secret() {
		l.guesses = &guesses{seed: maphash.MakeSeed()}
		l.cookie = loginCookie(r)
	}
	return l
}

// loginCookie returns the cookie that stands for the secrets. Its name and its value follow from them. So a login outlives a
// restart, and servers with different secrets at one name (on other ports, or behind one proxy) have different cookies. The
// derivation is slow (argon2id, 8 MiB, RFC 9106), so that who sees a cookie cannot guess at a weak password fast.
func loginCookie(r Rules) http.Cookie {
	const month = 30 * 24 * 60 * 60 // seconds
	secrets := fmt.Sprintf("%q %q %q", r.User, r.Password, r.Token)
	key := argon2.IDKey([]byte(secrets), []byte("udpcam login"), 1, 8<<10, 1, 24)
	return http.Cookie{Name: "udpcam_" + hex.EncodeToString(key[:4]), Value: base64.RawURLEncoding.EncodeToString(key[4:]),
		Path: "/", MaxAge: month, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// check does what [Gate.Check] does, and reports whether the client has made a new wrong guess.
func (l *login) check(w http.ResponseWriter, r *http.Request) (status int, why string, wrong bool) {
	if !l.Secret() {
		return 0, "", false
	}
	if c, err := r.Cookie(l.cookie.Name); err == nil && same(c.Value, l.cookie.Value) {
		return 0, "", false
	}
	known, wrong, wait := l.knows(r)
	if !known {
		status, why = l.refuse(w, wait)
		return status, why, wrong
	}
	cookie := l.cookie
	cookie.Secure = r.TLS != nil
	http.SetCookie(w, &cookie)
	return 0, "", false
}

// knows reports whether a request has the right password or token, or whether it is a new wrong guess, and how many seconds
// to wait before another. A request with neither is no guess.
func (l *login) knows(r *http.Request) (known, wrong bool, wait int) {
	header, token := r.Header.Get("Authorization"), r.URL.Query().Get("token")
	if header == "" && token == "" {
		return false, false, 0
	}
	if bearer, ok := strings.CutPrefix(header, "Bearer "); ok {
		token = bearer
	}
	return l.guesses.try(r.Context(), r.RemoteAddr, header+"\n"+token, func() bool {
		user, password, _ := r.BasicAuth()
		return l.Token != "" && same(token, l.Token) ||
			l.Password != "" && same(user, l.User) && same(password, l.Password)
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

// same reports whether a and b are equal. Its duration reveals nothing about b, not even the length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
