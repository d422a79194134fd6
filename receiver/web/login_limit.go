package web

import (
	"crypto/sha256"
	"hash/maphash"
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How fast an address may guess at a password or token: some at once, for whoever mistypes, then one now and then.
const (
	guessesAtOnce = 10
	guessEvery    = 6 * time.Second
)

// guessers is how many addresses are told apart at most. Beyond that some share what they may guess: memory is bounded
// whatever addresses there are, and so are all guesses together.
const guessers = 256

// guesses knows who guessed wrong how often of late. It is safe for concurrent use.
type guesses struct {
	mu   sync.Mutex
	seed maphash.Seed // so that nobody can choose whom to share with
	by   [guessers]guesser
}

type guesser struct {
	limit *rate.Limiter
	last  [sha256.Size]byte // the sum of what was guessed last
}

func newGuesses() *guesses {
	g := &guesses{seed: maphash.MakeSeed()}
	for i := range g.by {
		g.by[i].limit = rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)
	}
	return g
}

// try reports whether a secret from an address is right, as check finds, or for how many seconds no other is looked at.
//
// The same wrong secret again is no other guess: a page that is left open asks every second with what it was given
// before the password was changed, and must not keep out whoever knows the new one.
func (g *guesses) try(remoteAddr, secret string, check func() bool) (right bool, wait int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	by := &g.by[maphash.String(g.seed, household(remoteAddr))%guessers]
	sum := sha256.Sum256([]byte(secret))
	if by.last == sum {
		return false, 0
	}
	if missing := 1 - by.limit.Tokens(); missing > 0 {
		return false, int(math.Ceil(missing * guessEvery.Seconds()))
	}
	if check() {
		return true, 0
	}
	by.limit.Allow()
	by.last = sum
	return false, 0
}

// household is the part of a client's address that it cannot change at will: of IPv6 the network, which each household
// has one of.
func household(remoteAddr string) string {
	addr, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return remoteAddr
	}
	ip := addr.Addr().Unmap()
	if ip.Is6() {
		network, _ := ip.WithZone("").Prefix(64)
		ip = network.Addr()
	}
	return ip.String()
}
