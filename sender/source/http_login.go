package source

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/icholy/digest"
)

// A login is a transport that answers a camera's demand for a user and password (RFC 9110, section 11): with digest
// (RFC 7616) if the camera offers it, else with basic (RFC 7617). It sends nothing before it is asked, remembers what it
// was asked for, and sends nothing at all to other hosts, to which a camera may redirect.
type login struct {
	user, password string
	to             *url.URL
	next           http.RoundTripper

	mu     sync.Mutex
	digest *digest.Challenge // the last challenge, or nil
	count  int               // how often it has been used
	basic  bool              // whether basic was asked for
}

// newLogin returns the transport for the user and password in camera.
func newLogin(camera *url.URL, next http.RoundTripper) *login {
	password, _ := camera.User.Password()
	return &login{user: camera.User.Username(), password: password, to: camera, next: next}
}

func (l *login) RoundTrip(req *http.Request) (*http.Response, error) {
	if !l.trusts(req.URL) {
		return l.next.RoundTrip(req)
	}
	first, err := l.sign(req)
	if err != nil {
		return nil, err
	}
	res, err := l.next.RoundTrip(first)
	if err != nil || res.StatusCode != http.StatusUnauthorized || !l.learn(res.Header) {
		return res, err
	}
	const shortPage = 4 << 10 // read, so that the connection can be used again
	io.CopyN(io.Discard, res.Body, shortPage)
	res.Body.Close()
	second, err := l.sign(req)
	if err != nil {
		return nil, err
	}
	return l.next.RoundTrip(second)
}

// CloseIdleConnections makes http.Client's reach the transport below.
func (l *login) CloseIdleConnections() {
	if next, ok := l.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// trusts reports whether u is the host that the user and password were given for, with at least the same protection.
func (l *login) trusts(u *url.URL) bool {
	if u.Scheme == l.to.Scheme {
		return strings.EqualFold(u.Host, l.to.Host)
	}
	return u.Scheme == "https" && strings.EqualFold(u.Hostname(), l.to.Hostname())
}

// basicChallenge matches a WWW-Authenticate header that offers basic, alone or among others.
var basicChallenge = regexp.MustCompile(`(?i)(^|,)\s*basic(\s|$)`)

// learn takes note of what a refusal asks for. It returns false if that is nothing that can be given.
func (l *login) learn(h http.Header) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.digest, l.count, l.basic = nil, 0, false
	if challenge, err := digest.FindChallenge(h); err == nil {
		l.digest = challenge
		return true
	}
	challenges := h.Values("WWW-Authenticate")
	l.basic = len(challenges) == 0 // some cameras do not say what they want, and want basic
	for _, challenge := range challenges {
		l.basic = l.basic || basicChallenge.MatchString(challenge)
	}
	return l.basic
}

// sign returns a copy of req with the credentials that were last asked for.
func (l *login) sign(req *http.Request) (*http.Request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	req = req.Clone(req.Context())
	switch {
	case l.digest != nil:
		l.count++
		credentials, err := digest.Digest(l.digest, digest.Options{
			Method: req.Method, URI: req.URL.RequestURI(), Count: l.count, Username: l.user, Password: l.password,
		})
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", credentials.String())
	case l.basic:
		req.SetBasicAuth(l.user, l.password)
	}
	return req, nil
}
