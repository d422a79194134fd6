package source

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"hash"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A doorman lets a request through to a camera if its login is right by RFC 7616 or RFC 7617. It is written from these
// documents, and shares no code with the client under test.
type doorman struct {
	camera     http.Handler
	challenges []string // with %s for the nonce
	lifetime   int      // how many requests a nonce is good for; 0 means any number

	mu       sync.Mutex
	nonce    int
	used     int
	counts   map[string]bool // the nonce counts seen with the nonce
	accepted []string        // the methods of login
	refused  int
}

const user, pass = "Mufasa", "Circle of Life" // RFC 7616, section 3.9.1

func (d *doorman) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	method, ok := d.check(r)
	if d.lifetime > 0 && d.used >= d.lifetime {
		ok = false
	}
	if !ok {
		d.refused++
		d.nonce, d.used, d.counts = d.nonce+1, 0, map[string]bool{}
		for _, c := range d.challenges {
			w.Header().Add("WWW-Authenticate", strings.ReplaceAll(c, "%s", fmt.Sprint("nonce", d.nonce)))
		}
		d.mu.Unlock()
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	d.used++
	d.accepted = append(d.accepted, method)
	d.mu.Unlock()
	d.camera.ServeHTTP(w, r)
}

// field matches a parameter of an Authorization header: name="value" or name=value.
var field = regexp.MustCompile(`(\w+)=(?:"([^"]*)"|([^\s,]*))`)

func (d *doorman) check(r *http.Request) (method string, ok bool) {
	given := r.Header.Get("Authorization")
	offered := strings.Join(d.challenges, " ")
	if u, p, basic := r.BasicAuth(); basic {
		return "Basic", (offered == "" || strings.Contains(strings.ToLower(offered), "basic realm")) && u == user && p == pass
	}
	params, isDigest := strings.CutPrefix(given, "Digest ")
	if !isDigest {
		return "", false
	}
	f := map[string]string{}
	for _, m := range field.FindAllStringSubmatch(params, -1) {
		f[m[1]] = m[2] + m[3]
	}
	var newHash func() hash.Hash
	switch f["algorithm"] {
	case "", "MD5":
		newHash = md5.New
	case "SHA-256":
		newHash = sha256.New
	default:
		return "", false
	}
	h := func(s string) string {
		sum := newHash()
		sum.Write([]byte(s))
		return fmt.Sprintf("%x", sum.Sum(nil))
	}
	want := h(user+":"+f["realm"]+":"+pass) + ":" + f["nonce"]
	if strings.Contains(offered, "qop=") {
		if d.counts[f["nc"]] || f["cnonce"] == "" || f["qop"] != "auth" {
			return "", false // replayed
		}
		d.counts[f["nc"]] = true
		want += ":" + f["nc"] + ":" + f["cnonce"] + ":" + f["qop"]
	}
	want = h(want + ":" + h(r.Method+":"+r.RequestURI))
	return "Digest " + f["algorithm"], f["response"] == want && f["uri"] == r.RequestURI && f["username"] == user &&
		f["nonce"] == fmt.Sprint("nonce", d.nonce) && f["realm"] == "camera" &&
		(f["opaque"] == "opaque" || !strings.Contains(offered, "opaque"))
}

func TestLogin(t *testing.T) {
	pics := street(t)
	for _, tt := range []struct {
		name       string
		challenges []string
		want       string
	}{
		{"basic", []string{`Basic realm="camera"`}, "Basic"},
		{"basic, not said", nil, "Basic"},
		{"basic, oddly spelt", []string{`BASIC Realm=camera`}, "Basic"},
		{"basic, in one line with an unknown one", []string{`Other realm="x", Basic realm="camera"`}, "Basic"},
		{"MD5", []string{`Digest realm="camera", nonce="%s", qop="auth", opaque="opaque"`}, "Digest "},
		{"MD5, named", []string{`Digest realm="camera",nonce="%s",algorithm=MD5,qop="auth,auth-int"`}, "Digest MD5"},
		{"MD5 of RFC 2069", []string{`Digest realm="camera", nonce="%s"`}, "Digest "},
		{"SHA-256", []string{`Digest realm="camera", nonce="%s", algorithm=SHA-256, qop="auth"`}, "Digest SHA-256"},
		{"spaces in the list of qop", []string{`Digest realm="camera", nonce="%s", qop="auth-int, auth"`}, "Digest "},
		{"in one line with basic", []string{`Digest realm="camera", nonce="%s", qop="auth", Basic realm="camera"`}, "Digest "},
		{"both digests", []string{
			`Digest realm="camera", nonce="%s", algorithm=SHA-256, qop="auth"`,
			`Digest realm="camera", nonce="%s", algorithm=MD5, qop="auth"`,
		}, "Digest SHA-256"},
		{"digest and basic", []string{`Basic realm="camera"`, `Digest realm="camera", nonce="%s", qop="auth"`}, "Digest "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stream := &doorman{challenges: tt.challenges,
				camera: answer{kind: "multipart/x-mixed-replace", body: savedStream(pics...), hang: true}}
			camera := httptest.NewServer(stream)
			defer camera.Close()
			login := "://" + user + ":" + strings.ReplaceAll(pass, " ", "%20") + "@"
			url := strings.Replace(camera.URL, "://", login, 1) + "/a%20stream?channel=1&size=a%2Fb"
			equal(t, collect(t, open(t, url, Options{}), 8), pics...)
			if got := fmt.Sprintf("%q", stream.accepted); got != fmt.Sprintf("[%q]", tt.want) || stream.refused != 1 {
				t.Errorf("logged in with %s after being asked %d times, want %s after 1", got, stream.refused, tt.want)
			}

			err := failure(open(t, strings.Replace(url, "Circle", "Square", 1), Options{}))
			if err == nil || !strings.Contains(err.Error(), "401 Unauthorized; give the right user and password") ||
				strings.Contains(err.Error(), "Square") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Snapshots are asked for again and again. The nonce of a login is used again until the camera demands a new one.
func TestLoginPolling(t *testing.T) {
	pics := street(t)
	for _, challenge := range []string{`Basic realm="camera"`, `Digest realm="camera", nonce="%s", qop="auth"`} {
		snapshots := &doorman{camera: answer{kind: "image/jpeg", body: pics[4]}, challenges: []string{challenge}, lifetime: 4}
		camera := httptest.NewServer(snapshots)
		url := strings.Replace(camera.URL, "://", "://Mufasa:Circle%20of%20Life@", 1)
		collect(t, open(t, url, Options{FPS: 1000}), 12)
		camera.Close()
		if snapshots.refused != 3 {
			t.Errorf("%s: asked %d times for 12 pictures at 4 a login, want 3", challenge, snapshots.refused)
		}
	}
}

// A camera may send its viewers elsewhere, but not their password.
func TestLoginStaysAtHome(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(r.Header, r.URL))
		w.Header().Set("WWW-Authenticate", `Basic realm="give it to me"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer elsewhere.Close()
	camera := httptest.NewServer(&doorman{
		camera:     http.RedirectHandler(elsewhere.URL+"/stream", http.StatusFound),
		challenges: []string{`Basic realm="camera"`},
	})
	defer camera.Close()
	url := strings.Replace(camera.URL, "://", "://Mufasa:Circle%20of%20Life@", 1) + "/?token=secret"
	err := failure(open(t, url, Options{}))
	if err == nil || !strings.Contains(err.Error(), "not sent those of another host") {
		t.Errorf("error %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 1 || strings.Contains(seen[0], "Authorization") || strings.Contains(seen[0], "secret") {
		t.Errorf("the other host saw %q", seen)
	}
}

func TestLoginTrusts(t *testing.T) {
	for _, tt := range []struct {
		given, asks string
		want        bool
	}{
		{"http://camera/a", "http://camera/b", true},
		{"http://camera/", "http://CAMERA/", true},
		{"http://camera/", "https://camera/", true},
		{"http://camera:8080/", "https://camera:8443/", true},
		{"https://camera/", "http://camera/", false},
		{"http://camera/", "http://camera:8080/", false},
		{"http://camera/", "http://camera.example/", false},
		{"http://camera/", "https://cam/", false},
	} {
		given, err := parseCameraURL(strings.Replace(tt.given, "://", "://user:pass@", 1))
		if err != nil {
			t.Fatal(err)
		}
		asks, err := parseCameraURL(tt.asks)
		if err != nil {
			t.Fatal(err)
		}
		if got := newCredentials(given, nil, nil).trusts(asks); got != tt.want {
			t.Errorf("given for %s, sent to %s: %v", tt.given, tt.asks, got)
		}
	}
}
