package guard

import (
	"context"
	"crypto/sha256"
	"hash/maphash"
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How fast a household may guess at a password or token: some at once, for typing errors, then one now and then. Whoever
// guesses faster waits for each guess.
const (
	guessesAtOnce = 10
	guessEvery    = 6 * time.Second
	guessWait     = time.Second
)

// guessers is how many households are told apart. If there are more, some share a place. This bounds the memory, to 1 MiB.
const guessers = 8192

// guesses slow down clients that guess passwords. They are safe for concurrent use.
//
// A household that has guessed wrong too often waits a second for each further guess, right or wrong. So the right password
// always lets in, even from the address of somebody who goes on guessing. And each guess keeps one of the server's
// connections busy for a second, so there are at most as many guesses a second as there may be connections.
type guesses struct {
	mu   sync.Mutex
	seed maphash.Seed // so that nobody can choose whom to share with
	by   [guessers]struct {
		limit *rate.Limiter // nil until the first wrong guess
		last  [16]byte      // of the sum of the last wrong guess
	}
}

// try calls check, which says whether a secret from an address is right. If it is wrong, and the household has guessed too
// often, try also returns how many seconds to wait until the next guess is answered at once.
//
// The same wrong secret again does not count. A page that was left open keeps asking with an old password, and must not slow
// down its own address with the new one.
func (g *guesses) try(ctx context.Context, remoteAddr, secret string, check func() bool) (right bool, wait int) {
	by := &g.by[g.place(remoteAddr)]
	sha := sha256.Sum256([]byte(secret))
	sum := [len(by.last)]byte(sha[:])
	g.mu.Lock()
	defer g.mu.Unlock()
	if by.last == sum {
		return false, 0
	}
	if by.limit != nil && by.limit.Tokens() < 1 {
		g.mu.Unlock()
		select {
		case <-time.After(guessWait):
		case <-ctx.Done():
		}
		g.mu.Lock()
	}
	if ctx.Err() != nil { // who does not wait learns nothing
		return false, 0
	}
	if check() {
		return true, 0
	}
	if by.limit == nil {
		by.limit = rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)
	}
	by.last = sum
	if by.limit.Allow() {
		return false, 0
	}
	return false, int(math.Ceil((1 - by.limit.Tokens()) * guessEvery.Seconds()))
}

// place returns which of by an address has.
func (g *guesses) place(remoteAddr string) uint64 {
	return maphash.String(g.seed, Household(remoteAddr)) % guessers
}

// Household returns the part of a client's address that the client cannot change at will: for IPv6 the /64 network.
func Household(remoteAddr string) string {
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
