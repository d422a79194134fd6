package guard

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// guess asks with a password from an address. It returns the answer's status and how long that took.
func guess(g *Gate, from, password string) (status int, took time.Duration) {
	r := httptest.NewRequest("GET", "/streams", nil)
	r.Host, r.RemoteAddr = "localhost", from
	if password != "" {
		r.SetBasicAuth("me", password)
	}
	began := time.Now()
	status, _ = g.Check(httptest.NewRecorder(), r)
	return status, time.Since(began)
}

func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(Rules{User: "me", Password: "secret"})
		expect := func(from, password string, want int, wait time.Duration) {
			t.Helper()
			if got, took := guess(g, from, password); got != want || took != wait {
				t.Errorf("%s, %q: %d after %v, want %d after %v", from, password, got, took, want, wait)
			}
		}
		const thief, owner = "192.0.2.1:1000", "192.0.2.1:2000" // in one household
		other := "192.0.2.2:1000"
		for g.login.guesses.place(other) == g.login.guesses.place(owner) {
			other = "1" + other
		}
		for i := range guessesAtOnce - 1 {
			expect(thief, fmt.Sprint(i), 401, 0)
		}
		expect(owner, "secret", 0, 0) // which costs nothing
		expect(thief, "last", 401, 0)
		expect(owner, "secret", 0, guessWait)
		expect(thief, "another", 429, guessWait)
		expect(owner, "secret", 0, guessWait)
		expect(thief, "another", 401, 0) // is known to be wrong, and no guess
		expect(thief, "", 401, 0)
		expect(other, "secret", 0, 0)

		time.Sleep(guessEvery)
		expect(owner, "secret", 0, 0)
		expect(thief, "a third", 401, 0)
		expect(owner, "secret", 0, guessWait)

		// A page that is left open keeps asking with the old password. It must not slow down others.
		time.Sleep(guessesAtOnce * guessEvery)
		for range 1000 {
			expect(thief, "old", 401, 0)
		}
		expect(owner, "secret", 0, 0)
	})
}

// While fifty addresses guess, among them the owner's, and none waits for its answer, the owner gets in. The guesses of those
// who do not wait tell them nothing.
func TestGuessesAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(Rules{User: "me", Password: "secret"})
		var thieves sync.WaitGroup
		for a := range 50 {
			for i := range 100 {
				thieves.Go(func() {
					r := httptest.NewRequest("GET", "/streams", nil)
					ctx, cancel := context.WithTimeout(t.Context(), guessWait*9/10)
					defer cancel()
					r = r.WithContext(ctx)
					r.Host, r.RemoteAddr = "localhost", fmt.Sprintf("192.0.2.%d:1000", a)
					password := fmt.Sprint(i)
					if i > guessesAtOnce*2 {
						password = "secret"
					}
					time.Sleep(time.Duration(i) * time.Millisecond)
					r.SetBasicAuth("me", password)
					if status, _ := g.Check(httptest.NewRecorder(), r); status == 0 {
						t.Error("a guess is answered at once")
					}
				})
			}
		}
		for i := range 20 {
			time.Sleep(10 * time.Millisecond)
			if status, took := guess(g, "192.0.2.7:2000", "secret"); status != 0 || took > guessWait {
				t.Errorf("owner, %d: %d after %v", i, status, took)
			}
			if status, took := guess(g, "198.51.100.1:2000", "secret"); status != 0 || took > guessWait {
				t.Errorf("owner elsewhere, %d: %d after %v", i, status, took)
			}
		}
		thieves.Wait()
	})
}

// Any number of addresses takes the same memory, and the owner gets in among them.
func TestGuessesFromEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(Rules{User: "me", Password: "secret"})
		from := func(i int) string { return fmt.Sprintf("[2001:db8:%x:%x::1]:1000", i>>16, i&0xffff) }
		early, late := 0, 0
		for i := range 50_000 {
			if _, took := guess(g, from(i), fmt.Sprint(i)); took == 0 {
				early++
			} else {
				late++
			}
			if i%5000 == 0 {
				if status, _ := guess(g, "192.0.2.1:2000", "secret"); status != 0 {
					t.Errorf("the owner is answered %d", status)
				}
			}
		}
		if late == 0 {
			t.Errorf("all of %d guesses are answered at once", early)
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
		if got := Household(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
