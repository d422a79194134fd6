package web

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

func TestLogin(t *testing.T) {
	both := Config{User: "me", Password: "secret", Token: "long token"}
	request := func(target string, change func(r *http.Request)) *http.Request {
		r := httptest.NewRequest("GET", target, nil)
		r.Host = "localhost"
		if change != nil {
			change(r)
		}
		return r
	}
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	for _, test := range []struct {
		name   string
		config Config
		r      *http.Request
		status int
	}{
		{"open", Config{}, request("/streams", nil), 200},
		{"nothing", both, request("/streams", nil), 401},
		{"health", both, request("/healthz", nil), 401},
		{"script", both, request("/static/page.js", nil), 200}, // it is no secret
		{"no script", both, request("/static/../streams", nil), 404},
		{"page", both, request("/", nil), 401},
		{"front page with a script's name", both, request("/streams/static/", nil), 401},
		{"password", both, request("/streams", basic("me", "secret")), 200},
		{"other user", both, request("/streams", basic("you", "secret")), 401},
		{"other password", both, request("/streams", basic("me", "secret2")), 401},
		{"no password", both, request("/streams", basic("me", "")), 401},
		{"token", both, request("/streams?token=long+token", nil), 200},
		{"bearer", both, request("/streams", bearer("long token")), 200},
		{"other token", both, request("/streams?token=long", nil), 401},
		{"no token", both, request("/streams?token=", nil), 401},
		{"empty bearer", both, request("/streams", bearer("")), 401},
		{"only a token", Config{Token: "x"}, request("/streams", basic("", "")), 401},
		{"only a password", Config{Password: "x"}, request("/streams?token=", nil), 401},
		{"no user", Config{Password: "x"}, request("/streams", basic("", "x")), 200},
	} {
		h := New(quiet(test.config))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, test.r)
		if w.Code != test.status {
			t.Errorf("%s: %d, want %d", test.name, w.Code, test.status)
		}
		if asks := w.Header().Get("WWW-Authenticate") != ""; asks != (w.Code == 401 && test.config.Password != "") {
			t.Errorf("%s: %v", test.name, w.Header())
		}
		if refused := h.Stats().Unauthorized; refused != map[int]uint64{200: 0, 401: 1}[w.Code] {
			t.Errorf("%s: %d refused", test.name, refused)
		}
	}
}

// A browser that has shown a token once goes on with a cookie. The login outlives a restart of the server. A server with
// another secret at the same name has another cookie, so that a browser can be logged in at both.
func TestLoginCookie(t *testing.T) {
	login := func(token string) *http.Cookie {
		w := httptest.NewRecorder()
		New(quiet(Config{Token: token})).ServeHTTP(w, httptest.NewRequest("GET", "http://localhost:8080/?token="+token, nil))
		if w.Code != 200 || len(w.Result().Cookies()) != 1 {
			t.Fatal(w.Code, w.Header())
		}
		return w.Result().Cookies()[0]
	}
	first, second := login("abc"), login("another")
	if !first.HttpOnly || first.SameSite != http.SameSiteLaxMode || first.Secure || first.Path != "/" || first.MaxAge < 86400 {
		t.Errorf("%+v", first)
	}
	if first.Name == second.Name {
		t.Error("one login replaces the other")
	}
	for _, test := range []struct {
		token   string
		cookies []*http.Cookie
		status  int
	}{
		{"abc", []*http.Cookie{first}, 200},
		{"abc", []*http.Cookie{second, first}, 200},
		{"abc", []*http.Cookie{second}, 401},
		{"another", []*http.Cookie{first, second}, 200},
		{"abc", []*http.Cookie{{Name: first.Name, Value: second.Value}}, 401},
		{"changed", []*http.Cookie{first, second}, 401},
	} {
		r := httptest.NewRequest("GET", "http://localhost:8081/streams", nil)
		for _, c := range test.cookies {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
		w := httptest.NewRecorder()
		New(quiet(Config{Token: test.token})).ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%+v: %d", test, w.Code)
		}
	}
}

// A page behind a password works: all its requests, also that for the WebSocket, carry the login.
func TestPageWithLogin(t *testing.T) {
	h := New(quiet(Config{User: "me", Password: "a:b c", Token: "abc"}))
	addr := serve(t, h)
	playStream(t, h, "door", picture(t, 1), picture(t, 2))
	for _, address := range []string{"http://me:a%3Ab%20c@" + addr + "/", "http://" + addr + "/?token=abc"} {
		t.Run(address[:9], func(t *testing.T) {
			p := browse(t, address, 600, 500)
			p.until("document.querySelector('.tile.live canvas')")
			p.until("location.search === ''")
		})
	}
}

// While somebody guesses at the password on a hundred connections, from the owner's own address, the owner's program comes
// and goes as it likes, and a viewer sees every picture.
func TestGuessedAt(t *testing.T) {
	h := New(quiet(Config{User: "me", Password: "secret"}))
	addr := serve(t, h)
	ask := func(password string) int {
		r, err := http.Get("http://me:" + password + "@" + addr + "/streams")
		if err != nil {
			return 0
		}
		r.Body.Close()
		return r.StatusCode
	}
	viewer, err := http.Get("http://me:secret@" + addr + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Body.Close()
	c := &client{in: bufio.NewReader(viewer.Body)}
	if err := c.expect("--boundarydonotcross\r\n"); err != nil {
		t.Fatal(err)
	}
	var thieves sync.WaitGroup
	var wrong, late atomic.Int64
	for i := range 100 {
		thieves.Go(func() {
			if status := ask(fmt.Sprint(i)); status == http.StatusTooManyRequests {
				late.Add(1)
			} else if status == http.StatusUnauthorized {
				wrong.Add(1)
			}
		})
	}
	jpeg := picture(t, 5)
	for i := range 20 {
		if status := ask("secret"); status != 200 {
			t.Errorf("the owner is answered %d", status)
		}
		h.Put(frame(i, jpeg))
		if err := expectFrame(c, i, jpeg); err != nil {
			t.Fatal(err)
		}
	}
	thieves.Wait()
	if wrong.Load() > 40 || wrong.Load()+late.Load() != 100 {
		t.Errorf("%d guesses were answered at once, and %d late", wrong.Load(), late.Load())
	}
	http.DefaultClient.CloseIdleConnections()
}
