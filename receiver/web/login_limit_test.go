package web

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// guess asks with a password from an address, and returns the answer's status and Retry-After.
func guess(h *Server, from, password string) (status int, retry string) {
	r := httptest.NewRequest("GET", "/streams", nil)
	r.Host, r.RemoteAddr = "localhost", from
	if password != "" {
		r.SetBasicAuth("me", password)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Header().Get("Retry-After")
}

func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{User: "me", Password: "secret"}))
		expect := func(from, password string, want int) {
			t.Helper()
			if got, retry := guess(h, from, password); got != want || (got == 429) != (retry != "") {
				t.Errorf("%s, %q: %d (retry after %q), want %d", from, password, got, retry, want)
			}
		}
		const thief, owner = "192.0.2.1:1000", "192.0.2.1:2000" // in one household
		for i := range guessesAtOnce - 1 {
			expect(thief, fmt.Sprint(i), 401)
		}
		expect(owner, "secret", 200) // which costs nothing
		expect(thief, "last", 401)
		expect(thief, "another", 429)
		expect(owner, "secret", 429) // otherwise there would be no limit
		expect(thief, "last", 401)   // is known to be wrong, and no guess
		expect(thief, "", 401)
		expect("192.0.2.2:1000", "secret", 200)

		time.Sleep(guessEvery - time.Millisecond)
		expect(owner, "secret", 429)
		time.Sleep(time.Millisecond)
		expect(owner, "secret", 200)
		expect(thief, "another", 401)
		expect(owner, "secret", 429)

		// A page that is left open keeps asking with the old password. It must not lock out others.
		time.Sleep(guessesAtOnce * guessEvery)
		for range 1000 {
			expect(thief, "old", 401)
		}
		expect(owner, "secret", 200)
	})
}

// The number of guesses in all is bounded, also for somebody with many addresses.
func TestGuessesFromEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{User: "me", Password: "secret"}))
		heard := 0
		for i := range 20_000 {
			from := fmt.Sprintf("[2001:db8:%x:%x::1]:1000", i>>8, i&0xff)
			if status, _ := guess(h, from, fmt.Sprint(i)); status == 401 {
				heard++
			}
		}
		if want := guessers * guessesAtOnce; heard > want {
			t.Errorf("%d guesses were heard, want at most %d", heard, want)
		}
	})
}

func TestHousehold(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1:80":           "192.0.2.1",
		"[::ffff:192.0.2.1]:80":  "192.0.2.1",
		"[2001:db8:1:2:3::4]:80": "2001:db8:1:2::",
		"[fe80::1%eth0]:80":      "fe80::",
		"@":                      "@", // a Unix socket's
	} {
		if got := household(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
