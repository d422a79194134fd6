package source

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
)

// answersDigest reports whether a request answers a challenge by RFC 7616, section 3.4, or RFC 2069 if qop is empty. It is
// written from these documents, and shares no code with the client under test.
func answersDigest(r *http.Request, algorithm, realm, qop, user, pass string) bool {
	given := r.Header.Get("Authorization")
	get := func(name string) string {
		m := regexp.MustCompile(`[ ,]` + name + `=(?:"((?:[^"\\]|\\.)*)"|([^",]*))`).FindStringSubmatch(given)
		if m == nil {
			return ""
		}
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[1] + m[2])
	}
	base, session := strings.CutSuffix(strings.ToLower(algorithm), "-sess")
	newHash := md5.New
	switch base {
	case "sha-256":
		newHash = sha256.New
	case "sha-512-256":
		newHash = sha512.New512_256
	}
	h := func(parts ...string) string {
		sum := newHash()
		io.WriteString(sum, strings.Join(parts, ":"))
		return fmt.Sprintf("%x", sum.Sum(nil))
	}
	a1 := h(user, realm, pass)
	if session {
		a1 = h(a1, "n1", get("cnonce"))
	}
	a2 := h(r.Method, r.RequestURI)
	if qop == "auth-int" {
		a2 = h(r.Method, r.RequestURI, h(""))
	}
	want := h(a1, "n1", a2)
	if qop != "" {
		want = h(a1, "n1", get("nc"), get("cnonce"), qop, a2)
	}
	return strings.HasPrefix(given, "Digest ") && get("response") == want &&
		get("username") == user && get("realm") == realm && get("uri") == r.RequestURI && get("qop") == qop &&
		strings.EqualFold(get("algorithm"), algorithm)
}

// Digest login works however its challenge is spelt, and the password never leaves in clear.
func TestDigestSpelling(t *testing.T) {
	pic := street(t)[4]
	const and = "\r\nWWW-Authenticate: "
	for name, tt := range map[string]struct {
		challenge             string // lines behind WWW-Authenticate
		algorithm, realm, qop string
	}{
		"as in the RFC":           {`Digest realm="cam", nonce="n1", qop="auth", algorithm=MD5`, "MD5", "cam", "auth"},
		"a list of qop":           {`Digest realm="cam", nonce="n1", qop="auth-int, auth"`, "", "cam", "auth"},
		"a list with tabs":        {"Digest realm=\"cam\", nonce=\"n1\", qop=\"auth-int\t,\tauth\"", "", "cam", "auth"},
		"a list without quotes":   {`Digest qop=auth, realm=cam, nonce=n1`, "", "cam", "auth"},
		"qop in capitals":         {`Digest realm="cam", nonce="n1", qop="AUTH"`, "", "cam", "auth"},
		"auth-int alone":          {`Digest realm="cam", nonce="n1", qop="auth-int"`, "", "cam", "auth-int"},
		"empty qop":               {`Digest realm="cam", nonce="n1", qop=""`, "", "cam", ""},
		"no qop":                  {`Digest realm="cam", nonce="n1"`, "", "cam", ""},
		"names in another case":   {`DIGEST Realm="cam", NONCE="n1", Qop="auth", ALGORITHM="md5"`, "md5", "cam", "auth"},
		"no quotes":               {`Digest realm=cam,nonce=n1,qop=auth,algorithm=MD5`, "MD5", "cam", "auth"},
		"spaces around =":         {`Digest realm = "cam" , nonce = "n1" , qop = "auth"`, "", "cam", "auth"},
		"trailing comma":          {`Digest realm="cam", nonce="n1", qop="auth",`, "", "cam", "auth"},
		"commas too many":         {`Digest ,realm="cam",, nonce="n1", ,qop="auth"`, "", "cam", "auth"},
		"no commas":               {`Digest realm="cam" nonce="n1" qop="auth"`, "", "cam", "auth"},
		"tabs":                    {"Digest\trealm=\"cam\",\tnonce=\"n1\",\tqop=\"auth\"", "", "cam", "auth"},
		"unknown fields":          {`Digest realm="cam", domain="/ /x", nonce="n1", charset=UTF-8, x-y="a, b=c", qop="auth"`, "", "cam", "auth"},
		"MD5-sess":                {`Digest realm="cam", nonce="n1", qop="auth", algorithm=MD5-sess`, "MD5-sess", "cam", "auth"},
		"SHA-256-sess":            {`Digest realm="cam", nonce="n1", qop="auth", algorithm="SHA-256-sess"`, "SHA-256-sess", "cam", "auth"},
		"SHA-512-256":             {`Digest realm="cam", nonce="n1", qop="auth", algorithm=SHA-512-256`, "SHA-512-256", "cam", "auth"},
		"empty opaque":            {`Digest realm="cam", nonce="n1", opaque="", qop="auth"`, "", "cam", "auth"},
		"empty realm":             {`Digest realm="", nonce="n1", qop="auth"`, "", "", "auth"},
		"Latin-1 realm":           {"Digest realm=\"cam\xe9ra\", nonce=\"n1\", qop=\"auth\"", "", "cam\xe9ra", "auth"},
		"quotes in the realm":     {`Digest realm="a \"b\", c=d", nonce="n1", qop="auth"`, "", `a "b", c=d`, "auth"},
		"an open quote":           {`Digest nonce="n1", qop="auth", realm="cam`, "", "cam", "auth"},
		"basic behind, in a line": {`Digest realm="cam", nonce="n1", qop="auth", Basic realm="cam"`, "", "cam", "auth"},
		"basic before, in a line": {`Basic realm="cam", Digest realm="cam", nonce="n1", qop="auth"`, "", "cam", "auth"},
		"basic without a realm":   {`Basic, Digest realm="cam", nonce="n1", qop="auth"`, "", "cam", "auth"},
		"basic in another line":   {"Basic realm=\"cam\"" + and + "Digest realm=\"cam\", nonce=\"n1\", qop=\"auth\"", "", "cam", "auth"},
		"a token before":          {`NTLM TlRMTVNTUAACAAAA=, Digest realm="cam", nonce="n1", qop="auth"`, "", "cam", "auth"},
		"folded":                  {"Digest realm=\"cam\",\r\n nonce=\"n1\",\r\n\tqop=\"auth\"", "", "cam", "auth"},
		"the best of three": {"Digest realm=\"cam\", nonce=\"n1\", algorithm=MD5" + and +
			"Digest realm=\"cam\", nonce=\"n1\", algorithm=SHA-256, " +
			"qop=\"auth\"" + and + "Digest realm=\"cam\", nonce=\"n1\", algorithm=X", "SHA-256", "cam", "auth"},
		"an algorithm in quotes":   {`Digest realm="cam", nonce="n1", algorithm="MD5", qop="auth"`, "MD5", "cam", "auth"},
		"a field that comes twice": {`Digest realm="cam", realm="x", nonce="n1", qop="auth"`, "", "cam", "auth"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				src, end := rawInMemory(t, func(w io.Writer, r *http.Request, _ int) bool {
					given := r.Header.Get("Authorization")
					if strings.HasPrefix(given, "Basic") {
						t.Error("the password left in clear")
					}
					opaque := strings.Contains(tt.challenge, "opaque") == strings.Contains(given, `opaque=""`)
					if opaque && answersDigest(r, tt.algorithm, tt.realm, tt.qop, "admin", `se"cr\et`) {
						fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(pic), pic)
					} else {
						asked++
						fmt.Fprintf(w, "HTTP/1.1 401 No\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n", tt.challenge)
					}
					return true
				}, Options{}, "admin:se%22cr%5Cet@")
				defer end()
				if collect(t, src, 3); asked != 1 {
					t.Errorf("asked for a login %d times", asked)
				}
			})
		})
	}
}

// Where digest is offered, basic is not used without encryption, even if the digest cannot be answered.
func TestNoPasswordInClear(t *testing.T) {
	pics := street(t)
	for challenge, says := range map[string]string{
		`Digest realm="c", nonce="n", algorithm=X, Basic realm="c"`:     `algorithm "X"`,
		"Basic realm=c\r\nWWW-Authenticate: Digest realm=\"c\"":         "without a nonce",
		`Digest realm="c", nonce="n", qop="auth-conf", Basic realm="c"`: `protection "auth-conf"`,
		`Digest realm="c", nonce="n", algorithm="X", qop="auth", Basic`: `algorithm "X"`,
		"Digest\r\nWWW-Authenticate: Basic realm=\"c\"":                 "without a nonce",
	} {
		synctest.Test(t, func(t *testing.T) {
			src, end := rawInMemory(t, func(w io.Writer, r *http.Request, _ int) bool {
				if given := r.Header.Get("Authorization"); given != "" {
					t.Errorf("%q: sent %q", challenge, given)
				}
				fmt.Fprintf(w, "HTTP/1.1 401 No\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n", challenge)
				return true
			}, Options{}, "admin:secret@")
			defer end()
			if err := failure(src); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "https://") {
				t.Errorf("%q: %v, want %q", challenge, err, says)
			}
		})
	}
	// Later basic alone: then somebody on the network may want the password.
	synctest.Test(t, func(t *testing.T) {
		src, end := rawInMemory(t, func(w io.Writer, r *http.Request, n int) bool {
			challenge := `Basic realm="c"`
			if n == 1 {
				challenge = `Digest realm="c", nonce="n"`
			}
			if strings.HasPrefix(r.Header.Get("Authorization"), "Basic") {
				t.Error("the password left in clear")
			}
			fmt.Fprintf(w, "HTTP/1.1 401 No\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n", challenge)
			return true
		}, Options{}, "admin:secret@")
		defer end()
		if err := failure(src); err == nil {
			t.Error("no error")
		}
	})
	// With encryption, basic is safe.
	secure := httptest.NewTLSServer(&doorman{
		challenges: []string{`Digest realm="camera", nonce="%s", algorithm=X`, `Basic realm="x"`},
		camera:     answer{kind: "multipart/x-mixed-replace", body: savedStream(pics...), hang: true},
	})
	defer secure.Close()
	url := strings.Replace(secure.URL, "://", "://Mufasa:Circle%20of%20Life@", 1)
	equal(t, collect(t, open(t, url, Options{Insecure: true}), 8), pics...)
}

// Fields of Options.Header are sent with each request to the camera, and to no other host.
func TestCameraHeader(t *testing.T) {
	pic := street(t)[4]
	o := Options{Header: []string{"Authorization: Bearer abc, def", "X-Key:1", "X-Key: 2", "Host: cam.example",
		"User-Agent: x"}}
	synctest.Test(t, func(t *testing.T) {
		src, end := rawInMemory(t, func(w io.Writer, r *http.Request, n int) bool {
			got := fmt.Sprintf("%q %q %s %s", r.Header["Authorization"], r.Header["X-Key"], r.Host, r.UserAgent())
			want := `["Bearer abc, def"] ["1" "2"] cam.example x`
			if n == 2 { // the other host
				want = `[] [] other udpcam`
			}
			if got != want {
				t.Errorf("request %d: %s, want %s", n, got, want)
			}
			if n == 1 {
				io.WriteString(w, "HTTP/1.1 302 Found\r\nLocation: http://other/\r\nContent-Length: 0\r\n\r\n")
			} else {
				fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(pic), pic)
			}
			return true
		}, o)
		defer end()
		collect(t, src, 1)
	})
	for _, header := range []string{"no colon", "a b: c", ": x", "X: a\nb"} {
		_, err := Open("http://camera/", Options{Header: []string{header}})
		if err == nil || !strings.Contains(err.Error(), "NAME: VALUE") {
			t.Errorf("%q: %v", header, err)
		}
	}
}
