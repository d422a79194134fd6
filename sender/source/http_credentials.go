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

// credentials are a transport that answers a camera's demand for a user and password (RFC 9110, section 11): with digest
// (RFC 7616) if the camera offers it, else with basic (RFC 7617). They are sent only when the camera has asked, and then
// with each request. Other hosts, to which a camera may redirect, never get them.
type credentials struct {
	user, password string
	to             *url.URL
	next           http.RoundTripper

	mu     sync.Mutex
	digest *digest.Challenge // the last challenge, or nil
	count  int               // how often it has been used
	basic  bool              // whether basic was asked for
}

// newCredentials returns the transport for the user and password in camera.
func newCredentials(camera *url.URL, next http.RoundTripper) *credentials {
	password, _ := camera.User.Password()
	return &credentials{user: camera.User.Username(), password: password, to: camera, next: next}
}

func (c *credentials) RoundTrip(req *http.Request) (*http.Response, error) {
	if !c.trusts(req.URL) {
		return c.next.RoundTrip(req)
	}
	first, err := c.sign(req)
	if err != nil {
		return nil, err
	}
	res, err := c.next.RoundTrip(first)
	if err != nil || res.StatusCode != http.StatusUnauthorized || !c.learn(res.Header) {
		return res, err
	}
	const shortPage = 4 << 10 // read, so that the connection can be used again
	io.CopyN(io.Discard, res.Body, shortPage)
	res.Body.Close()
	second, err := c.sign(req)
	if err != nil {
		return nil, err
	}
	return c.next.RoundTrip(second)
}

// CloseIdleConnections makes http.Client's reach the transport below.
func (c *credentials) CloseIdleConnections() {
	if next, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// trusts reports whether u is the host that the user and password were given for, with at least the same protection.
func (c *credentials) trusts(u *url.URL) bool {
	if u.Scheme == c.to.Scheme {
		return strings.EqualFold(u.Host, c.to.Host)
	}
	return u.Scheme == "https" && strings.EqualFold(u.Hostname(), c.to.Hostname())
}

// basicChallenge matches a WWW-Authenticate header that offers basic, alone or among others.
var basicChallenge = regexp.MustCompile(`(?i)(^|,)\s*basic(\s|$)`)

// learn takes note of what a refusal asks for. It returns false if that is nothing that can be given.
func (c *credentials) learn(h http.Header) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.digest, c.count, c.basic = nil, 0, false
	if challenge, err := digest.FindChallenge(h); err == nil {
		c.digest = challenge
		return true
	}
	challenges := h.Values("WWW-Authenticate")
	c.basic = len(challenges) == 0 // some cameras do not say what they want, and want basic
	for _, challenge := range challenges {
		c.basic = c.basic || basicChallenge.MatchString(challenge)
	}
	return c.basic
}

// sign returns a copy of req with the credentials that were last asked for.
func (c *credentials) sign(req *http.Request) (*http.Request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	req = req.Clone(req.Context())
	switch {
	case c.digest != nil:
		c.count++
		answer, err := digest.Digest(c.digest, digest.Options{
			Method: req.Method, URI: req.URL.RequestURI(), Count: c.count, Username: c.user, Password: c.password,
		})
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", answer.String())
	case c.basic:
		req.SetBasicAuth(c.user, c.password)
	}
	return req, nil
}
