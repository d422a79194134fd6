package guard

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHosts(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(own, ".")
	for _, test := range []struct {
		host  string
		allow []string
		want  bool
	}{
		{"localhost", nil, true},
		{"LOCALHOST:8080", nil, true},
		{"localhost.:8080", nil, true},
		{"127.0.0.1:8080", nil, true},
		{"192.168.1.7", nil, true},
		{"[::1]:8080", nil, true},
		{"[fe80::1%eth0]", nil, true},
		{"::1", nil, true},
		{own + ":8080", nil, true},
		{short + ".local", nil, true},
		{"", nil, true},
		{"camera", nil, true},
		{"my_container:8080", nil, true},
		{"camera.local", nil, true},
		{"CAMERA.fritz.box.:8080", nil, true},
		{"a.b.lan", nil, true},
		{"camera.home.arpa", nil, true},
		{"host.docker.internal:8080", nil, true},
		{"fritz.box.evil.example", nil, false},
		{"evilfritz.box", nil, false},
		{"evil.arpa", nil, false},
		{"lan.", nil, true},
		{"evil.example", nil, false},
		{"evil.example:8080", nil, false},
		{"localhost.evil.example", nil, false},
		{"127.0.0.1.evil.example:80", nil, false},
		{"1.2.3", nil, false},
		{"camera.example:8080", []string{"camera.example"}, true},
		{"camera.example", []string{"Camera.EXAMPLE.:8080"}, true},
		{"evil.example", []string{"camera.example"}, false},
		{"evil.example", []string{"*"}, true},
		{"*", nil, false},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/streams", nil)
		r.Host = test.host
		status, why := NewGate(Rules{AllowHosts: test.allow}).Check(w, r)
		if got := status == 0; got != test.want {
			t.Errorf("%q with %q: %d", test.host, test.allow, status)
		}
		if !test.want && !strings.Contains(why, "--allow-host "+normalHost(test.host)) {
			t.Errorf("%q: %s", test.host, why)
		}
	}
}

// A page at a name that was given to the server is its own, whatever name a proxy gives it in the Host.
func TestOwnPages(t *testing.T) {
	for _, test := range []struct {
		origin string
		own    bool
	}{
		{"", true}, // no browser
		{"http://localhost:8080", true},
		{"https://cam.example", true},
		{"https://CAM.example:8443", true},
		{"http://localhost:3000", false}, // another server on this machine
		{"https://evil.example", false},
		{"https://cam.example.evil.example", false},
		{"null", false},
		{"::", false},
	} {
		g := NewGate(Rules{AllowHosts: []string{"cam.example"}})
		r := httptest.NewRequest("POST", "/socket", nil)
		r.Host = "localhost:8080"
		r.Header.Set("Origin", test.origin)
		status, why := g.CheckPage(r)
		if posted, _ := g.Check(httptest.NewRecorder(), r); status == 0 != test.own || posted != status {
			t.Errorf("%q: %d %s; a POST %d", test.origin, status, why, posted)
		}
		if test.origin == "https://evil.example" && !strings.Contains(why, "start the server with --allow-host evil.example") {
			t.Error(why)
		}
	}
}

// Each unknown name and foreign page is in the log once, and wrong passwords with the address that they came from. Nobody
// can fill the log.
func TestRefusalsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		g := NewGate(Rules{User: "me", Password: "secret", Log: slog.New(slog.NewTextHandler(&log, nil))})
		ask := func(host, origin, password string) {
			r := httptest.NewRequest("POST", "/", nil)
			r.Host, r.RemoteAddr = host, "192.0.2.9:1000"
			r.Header.Set("Origin", origin)
			if password != "" {
				r.SetBasicAuth("me", password)
			}
			g.Check(httptest.NewRecorder(), r)
		}
		for range 3 {
			ask("cam.example", "", "")
			time.Sleep(2 * time.Second)
			ask("localhost", "http://cam2.example", "")
			time.Sleep(2 * time.Second)
			ask("localhost", "", "") // every login of a browser begins so
			ask("localhost", "", "secret")
			ask("localhost", "", "wrong")
			time.Sleep(2 * time.Second)
		}
		for text, want := range map[string]int{"--allow-host cam.example": 1, "--allow-host cam2.example": 1,
			"a wrong password or token\" from=192.0.2.9": 1, "\n": 3} {
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%q: %d times, want %d, in\n%s", text, got, want, &log)
			}
		}
		log.Reset()
		began := time.Now()
		for i := range 10_000 {
			ask(fmt.Sprintf("%d.example", i), "", "")
			time.Sleep(100 * time.Millisecond)
		}
		if lines := strings.Count(log.String(), "\n"); lines > 100 {
			t.Errorf("%d lines in %v", lines, time.Since(began))
		}
	})
}
