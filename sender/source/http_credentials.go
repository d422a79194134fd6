package source

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
)

// credentials are a transport that gives a camera what identifies the user: fields of the header (Options.Header), and, if
// the camera asks, a user and password (RFC 9110, section 11): with digest (RFC 7616) if the camera offers that, else with
// basic (RFC 7617). Other hosts, to which a camera may redirect, never get them.
//
// Basic sends the password in clear. So where the connection is not encrypted, a camera that has ever offered digest does
// not get it that way, also if its digest cannot be answered.
type credentials struct {
	to             *url.URL
	user, password string
	known          bool // whether there is a user
	fields         http.Header
	next           http.RoundTripper

	mu     sync.Mutex
	digest *demand // asked for last
	basic  bool    // asked for last
	strict bool    // digest was offered
}

// newCredentials returns the transport for the user and password in camera, and for fields.
func newCredentials(camera *url.URL, fields http.Header, next http.RoundTripper) *credentials {
	c := &credentials{to: camera, known: camera.User != nil, fields: fields, next: next}
	if c.known {
		c.user = camera.User.Username()
		c.password, _ = camera.User.Password()
	}
	return c
}

func (c *credentials) RoundTrip(req *http.Request) (*http.Response, error) {
	if !c.trusts(req.URL) {
		return c.next.RoundTrip(req)
	}
	res, err := c.send(req)
	if err != nil || res.StatusCode != http.StatusUnauthorized || !c.known || c.fields.Get("Authorization") != "" {
		return res, err
	}
	again, err := c.demanded(req.URL, res.Header)
	if err == nil && !again {
		return res, nil
	}
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	return c.send(req)
}

// send sends a request with what the camera has asked for last.
func (c *credentials) send(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	c.mu.Lock()
	var err error
	switch answer := ""; {
	case c.digest != nil:
		if answer, err = c.digest.answer(req, c.user, c.password); err == nil {
			req.Header.Set("Authorization", answer)
		}
	case c.basic:
		req.SetBasicAuth(c.user, c.password)
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	for name, values := range c.fields {
		if req.Header[name] = values; name == "Host" {
			req.Host = values[0]
		}
	}
	return c.next.RoundTrip(req)
}

// demanded notes what a camera asks for in its answer, and reports whether the request may be sent again with that.
func (c *credentials) demanded(u *url.URL, h http.Header) (again bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.digest
	c.digest, c.basic = nil, false
	offered := challengesOf(h)
	basic := len(offered) == 0 // some cameras do not say what they want, and want basic
	var unknown error
	for _, o := range offered {
		switch o.scheme {
		case "basic":
			basic = true
		case "digest":
			c.strict = true
			d, err := demandOf(o)
			if err != nil {
				unknown = err
			} else if c.digest == nil || d.strength < c.digest.strength {
				c.digest = d
			}
		}
	}
	switch {
	case c.digest != nil:
		if last != nil && last.params["nonce"] == c.digest.params["nonce"] {
			c.digest.count = last.count
		}
		return true, nil
	case c.strict && u.Scheme != "https" && unknown != nil:
		return false, final("it offers digest login %w, which udpcam does not know, and does not get the password in clear; "+
			"use https://", unknown)
	case c.strict && u.Scheme != "https" && basic:
		return false, final("it has offered digest login before, and now wants the password in clear; use https://, " +
			"or start again")
	}
	c.basic = basic
	return basic, nil
}

// CloseIdleConnections passes the call of http.Client to the transport below.
func (c *credentials) CloseIdleConnections() {
	if below, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		below.CloseIdleConnections()
	}
}

// trusts reports whether u is on the host that the credentials are for, and is encrypted if the first address was.
func (c *credentials) trusts(u *url.URL) bool {
	if u.Scheme == c.to.Scheme {
		return strings.EqualFold(u.Host, c.to.Host)
	}
	return u.Scheme == "https" && strings.EqualFold(u.Hostname(), c.to.Hostname())
}

// parseFields returns the fields of Options.Header.
func parseFields(lines []string) (http.Header, error) {
	fields := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, errors.New("a header is NAME: VALUE, as in 'Authorization: Bearer TOKEN'")
		}
		fields.Add(name, value)
	}
	return fields, nil
}
