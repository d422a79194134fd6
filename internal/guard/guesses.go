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

	"udpcam/protocol"
)

// How fast a household may guess wrong at a password or token: some at once, for typing errors, then one now and then.
// Whoever guesses faster waits for each answer.
const (
	guessesAtOnce = 10
	guessEvery    = 6 * time.Second
	guessWait     = 3 * time.Second
)

// guessers is how many households are told apart. If there are more, some share a place. This bounds the memory, to 1 MiB.
const guessers = 8192

// guesses slow down clients that guess passwords. They are safe for concurrent use.
//
// A household that has guessed wrong too often waits for the answer to each further wrong guess. The right secret lets in at
// once, also from the address of somebody who goes on guessing: whoever could be kept out by others' guesses could be locked
// out. So somebody who does not wait for answers can guess as fast as connections can be made. Secrets must be long.
type guesses struct {
	mu   sync.Mutex
	seed maphash.Seed // so that nobody can choose whom to share with
	by   [guessers]struct {
		limit *rate.Limiter // nil until the first wrong guess
		last  [16]byte      // of the sum of the last wrong guess
	}
}

// try calls check, which says whether a secret from an address is right. If it is wrong, and the household has guessed too
// often, try waits. Then it also returns after how many seconds the next guess is answered at once.
//
// The same wrong secret again is no new guess, and does not count. A page that was left open keeps asking with an old
// password, and must not slow down its own address.
func (g *guesses) try(ctx context.Context, remoteAddr, secret string, check func() bool) (right, guess bool, seconds int) {
	if check() {
		return true, false, 0
	}
	if guess, seconds = g.wrong(remoteAddr, secret); seconds > 0 {
		select {
		case <-time.After(guessWait):
		case <-ctx.Done():
		}
	}
	return false, guess, seconds
}

// wrong notes a wrong secret. It returns whether it is a new guess, and 0 if it may be answered at once.
func (g *guesses) wrong(remoteAddr, secret string) (guess bool, seconds int) {
	by := &g.by[g.place(remoteAddr)]
	sha := sha256.Sum256([]byte(secret))
	sum := [len(by.last)]byte(sha[:])
	g.mu.Lock()
	defer g.mu.Unlock()
	if by.last == sum {
		return false, 0
	}
	if by.limit == nil {
		by.limit = rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)
	}
	by.last = sum
	if by.limit.Allow() {
		return true, 0
	}
	return true, int(math.Ceil((1 - by.limit.Tokens()) * guessEvery.Seconds()))
}

// place returns which of by an address has.
func (g *guesses) place(remoteAddr string) uint64 {
	return maphash.String(g.seed, Household(remoteAddr)) % guessers
}

// Household returns the part of a client's address that the client cannot change at will: see [protocol.Household].
func Household(remoteAddr string) string {
	addr, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return remoteAddr
	}
	return protocol.Household(addr.Addr()).Addr().String()
}
