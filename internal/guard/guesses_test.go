package guard

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
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
		for i := range guessesAtOnce {
			expect(thief, fmt.Sprint(i), 401, 0)
		}
		expect(owner, "secret", 0, 0)
		expect(thief, "another", 429, guessWait)
		expect(owner, "secret", 0, 0)
		expect(thief, "another", 401, 0) // is known to be wrong, and no guess
		expect(thief, "", 401, 0)
		expect(other, "wrong", 401, 0)
		expect(other, "secret", 0, 0)

		time.Sleep(guessEvery - guessWait)
		expect(thief, "a third", 401, 0)
		expect(thief, "a fourth", 429, guessWait)

		// A page that is left open keeps asking with the old password.
		time.Sleep(guessesAtOnce * guessEvery)
		for range 1000 {
			expect(thief, "old", 401, 0)
		}
		expect(owner, "secret", 0, 0)
	})
}

// While fifty addresses guess, among them the owner's, each on many connections, the owner gets in at once. The guesses are
// slowed.
func TestGuessesAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const addresses, connections, period = 50, 20, time.Minute
		g := NewGate(Rules{User: "me", Password: "secret"})
		var answered atomic.Int64
		var thieves sync.WaitGroup
		end := time.Now().Add(period)
		for i := range addresses * connections {
			thieves.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					guess(g, fmt.Sprintf("192.0.2.%d:1000", i%addresses), fmt.Sprint(i, "-", n))
					answered.Add(1)
					time.Sleep(time.Millisecond)
				}
			})
		}
		for time.Now().Before(end) {
			time.Sleep(period / 100)
			for _, from := range []string{"192.0.2.7:2000", "198.51.100.1:2000"} {
				if status, took := guess(g, from, "secret"); status != 0 || took > 0 {
					t.Errorf("the owner at %s: %d after %v", from, status, took)
				}
			}
		}
		thieves.Wait()
		most := int64(addresses * (guessesAtOnce + period/guessEvery + connections*(period/guessWait+1)))
		if answered.Load() > most {
			t.Errorf("%d guesses in %v, want at most %d", answered.Load(), period, most)
		}
	})
}

// Any number of addresses takes the same memory, and the owner gets in among them.
func TestGuessesFromEverywhere(t *testing.T) {
	g := NewGate(Rules{User: "me", Password: "secret"}).login.guesses
	from := func(i int) string { return fmt.Sprintf("[2001:db8:%x:%x::1]:1000", i>>16, i&0xffff) }
	var before, after runtime.MemStats
	early, late := 0, 0
	for i := range 300_000 {
		if i == 150_000 { // all places are taken
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
		if _, wait := g.wrong(from(i), fmt.Sprint(i)); wait == 0 {
			early++
		} else {
			late++
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if most := guessers * (guessesAtOnce + 10); early > most {
		t.Errorf("%d of %d guesses are answered at once, want at most %d", early, early+late, most)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d bytes more for 150,000 more addresses", grown)
	}
	runtime.KeepAlive(g)
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
