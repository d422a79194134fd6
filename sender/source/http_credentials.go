package source

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/icholy/digest"
)

// credentials are a transport that answers a camera's demand for a user and password (RFC 9110, section 11): with digest
// (RFC 7616) if the camera offers it, else with basic (RFC 7617). They are sent only when the camera has asked, and then
// with each request. Other hosts, to which a camera may redirect, never get them.
type credentials struct {
	to     *url.URL
	next   *http.Transport
	digest digest.Transport // with the user and password
	basic  atomic.Bool      // whether basic was asked for last
}

// newCredentials returns the transport for the user and password in camera.
func newCredentials(camera *url.URL, next *http.Transport) *credentials {
	c := &credentials{to: camera, next: next}
	c.digest.Username = camera.User.Username()
	c.digest.Password, _ = camera.User.Password()
	c.digest.Transport, c.digest.FindChallenge = next, findDigest
	return c
}

func (c *credentials) RoundTrip(req *http.Request) (*http.Response, error) {
	if !c.trusts(req.URL) {
		return c.next.RoundTrip(req)
	}
	send := c.digest.RoundTrip // without credentials, if the camera has never demanded digest
	if c.basic.Load() {
		send = c.sendBasic
	}
	res, err := send(req)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	_, noDigest := findDigest(res.Header)
	basic := noDigest != nil && offersBasic(res.Header)
	switch was := c.basic.Swap(basic); {
	case basic:
		res.Body.Close()
		return c.sendBasic(req)
	case was:
		res.Body.Close()
		return c.digest.RoundTrip(req)
	}
	return res, nil
}

func (c *credentials) sendBasic(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.SetBasicAuth(c.digest.Username, c.digest.Password)
	return c.next.RoundTrip(req)
}

// CloseIdleConnections passes the call of http.Client to the transport below.
func (c *credentials) CloseIdleConnections() { c.next.CloseIdleConnections() }

// trusts reports whether u is on the host that the credentials are for, and is encrypted if the first address was.
func (c *credentials) trusts(u *url.URL) bool {
	if u.Scheme == c.to.Scheme {
		return strings.EqualFold(u.Host, c.to.Host)
	}
	return u.Scheme == "https" && strings.EqualFold(u.Hostname(), c.to.Hostname())
}

// findDigest returns the demand for digest in a header. A malformed one is ignored: the camera may offer basic too.
func findDigest(h http.Header) (*digest.Challenge, error) {
	challenge, err := digest.FindChallenge(http.Header{"Www-Authenticate": challenges(h)})
	if err != nil {
		return nil, digest.ErrNoChallenge
	}
	return challenge, nil
}

var (
	nextChallenge = regexp.MustCompile(`(?i),\s*((?:basic|digest|bearer|negotiate|ntlm)\s)`)
	protections   = regexp.MustCompile(`(?i)qop="[^"]*"`)
)

// challenges returns the demands in a header one by one, as the library for digest wants them: several may stand in one line,
// and there may be spaces in the list of qop.
func challenges(h http.Header) (all []string) {
	for _, line := range h.Values("WWW-Authenticate") {
		for one := range strings.SplitSeq(nextChallenge.ReplaceAllString(line, "\n$1"), "\n") {
			all = append(all, protections.ReplaceAllStringFunc(one, func(qop string) string {
				return strings.ReplaceAll(qop, " ", "")
			}))
		}
	}
	return all
}

// basicChallenge matches a WWW-Authenticate header that offers basic, alone or among others.
var basicChallenge = regexp.MustCompile(`(?i)(^|,)\s*basic(\s|$)`)

// offersBasic reports whether a camera takes basic. Some cameras do not say what they want, and want basic.
func offersBasic(h http.Header) bool {
	challenges := h.Values("WWW-Authenticate")
	return len(challenges) == 0 || slices.ContainsFunc(challenges, basicChallenge.MatchString)
}
