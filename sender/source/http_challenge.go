package source

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"

	"github.com/icholy/digest"
)

// A challenge is one of the ways to log in that a camera offers in WWW-Authenticate (RFC 9110, section 11.6.1).
type challenge struct {
	scheme string            // in lower case: basic, digest
	params map[string]string // by names in lower case
}

func (c challenge) isBearer() bool { return c.scheme == "bearer" }

// challengesOf returns what a header offers, however it is spelt: several in one line, names in any case, values with or
// without quotes, commas and white space anywhere. Bytes of values stay as they are: they go into hashes.
func challengesOf(h http.Header) (all []challenge) {
	const white = " \t,"
	for _, rest := range h.Values("WWW-Authenticate") {
		scheme := true // the next word without a value is a scheme, and not a token (RFC 7235's token68)
		for rest = strings.TrimLeft(rest, white); rest != ""; rest = strings.TrimLeft(rest, white) {
			end := strings.IndexAny(rest, " \t,=")
			if end < 0 {
				end = len(rest)
			}
			word := strings.ToLower(rest[:end])
			rest = rest[end:]
			value, hasValue := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "=")
			if !hasValue {
				if scheme || knownScheme(word) {
					all = append(all, challenge{word, map[string]string{}})
				}
				scheme = strings.HasPrefix(rest, ",")
				continue
			}
			value, rest = cutValue(strings.TrimLeft(value, " \t"))
			if len(all) > 0 {
				if params := all[len(all)-1].params; params[word] == "" {
					params[word] = value
				}
			}
			scheme = true
		}
	}
	return all
}

func knownScheme(word string) bool {
	return slices.Contains([]string{"basic", "digest", "bearer", "negotiate", "ntlm"}, word)
}

// cutValue returns the value that text begins with, and what is behind it. A quote that is never closed ends with the text.
func cutValue(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t,")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:]
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:]
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// digests are the hashes of digest login, the best first (RFC 7616, section 6.1).
var digests = []struct {
	name string
	hash func() hash.Hash
}{{"SHA-512-256", sha512.New512_256}, {"SHA-512", sha512.New}, {"SHA-256", sha256.New}, {"MD5", md5.New}}

// A demand is a challenge for digest login that udpcam can answer (RFC 7616, and RFC 2069 before it).
type demand struct {
	challenge
	strength int // the place in digests
	session  bool
	qop      string // "" as in RFC 2069
	count    int    // how many requests have used the nonce
}

// demandOf returns the demand in a challenge, and why there is none.
func demandOf(c challenge) (*demand, error) {
	d := &demand{challenge: c}
	algorithm, session := strings.CutSuffix(strings.ToUpper(strings.TrimSpace(c.params["algorithm"])), "-SESS")
	if d.session = session; algorithm == "" {
		algorithm = "MD5"
	}
	d.strength = -1
	for i, known := range digests {
		if algorithm == known.name || algorithm == strings.Replace(known.name, "SHA-", "SHA", 1) {
			d.strength = i
		}
	}
	offered := strings.Fields(strings.NewReplacer(",", " ", ";", " ").Replace(strings.ToLower(c.params["qop"])))
	for _, known := range []string{"auth", "auth-int"} {
		if d.qop == "" && slices.Contains(offered, known) {
			d.qop = known
		}
	}
	switch {
	case d.strength < 0:
		return nil, fmt.Errorf("with the algorithm %.20q", c.params["algorithm"])
	case c.params["nonce"] == "":
		return nil, fmt.Errorf("without a nonce")
	case len(offered) > 0 && d.qop == "":
		return nil, fmt.Errorf("with the protection %.20q", c.params["qop"])
	}
	return d, nil
}

// answer returns the Authorization of a request without a body.
func (d *demand) answer(req *http.Request, user, password string) (string, error) {
	d.count++
	known := digests[d.strength]
	p := d.params
	sum := func(text string) string {
		h := known.hash()
		h.Write([]byte(text))
		return hex.EncodeToString(h.Sum(nil))
	}
	o := digest.Options{Method: req.Method, URI: req.URL.RequestURI(), Count: d.count, Username: user, Password: password,
		Cnonce: rand.Text()}
	if d.session {
		o.A1 = sum(sum(user+":"+p["realm"]+":"+password) + ":" + p["nonce"] + ":" + o.Cnonce)
	}
	c := &digest.Challenge{Realm: p["realm"], Nonce: p["nonce"], Algorithm: known.name,
		Userhash: strings.EqualFold(p["userhash"], "true")}
	if d.qop != "" {
		c.QOP = []string{d.qop}
	}
	made, err := digest.Digest(c, o)
	if err != nil {
		return "", err
	}
	// Not made.String(): that escapes bytes that are no ASCII, and leaves out what is empty.
	var b strings.Builder
	field := func(name, value string) { fmt.Fprintf(&b, `, %s="%s"`, name, quoting.Replace(value)) }
	field("username", made.Username)
	field("realm", made.Realm)
	field("nonce", made.Nonce)
	field("uri", made.URI)
	if d.qop != "" || d.session {
		field("cnonce", o.Cnonce)
	}
	if d.qop != "" {
		fmt.Fprintf(&b, ", nc=%08x, qop=%s", made.Nc, d.qop)
	}
	field("response", made.Response)
	if opaque, ok := p["opaque"]; ok {
		field("opaque", opaque)
	}
	if algorithm := p["algorithm"]; algorithm != "" {
		b.WriteString(", algorithm=" + algorithm)
	}
	if made.Userhash {
		b.WriteString(", userhash=true")
	}
	return "Digest" + b.String()[1:], nil
}

// quoting writes a value between quotes (RFC 9110, section 5.6.4).
var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
