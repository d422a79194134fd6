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

// How fast an address may guess at a password or token: some at once, for typing errors, then one now and then.
const (
	guessesAtOnce = 10
	guessEvery    = 6 * time.Second
)

// guessers is how many limits there are. If there are more addresses, some share one. This bounds the memory, and how fast
// all of them together can guess.
const guessers = 256

// A loginLimit slows down clients that guess passwords. It is safe for concurrent use.
type loginLimit struct {
	mu   sync.Mutex
	seed maphash.Seed // so that nobody can choose whom to share with
	by   [guessers]struct {
		limit *rate.Limiter
		last  [sha256.Size]byte // the sum of the last wrong guess
	}
}

func newLoginLimit() *loginLimit {
	l := &loginLimit{seed: maphash.MakeSeed()}
	for i := range l.by {
		l.by[i].limit = rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)
	}
	return l
}

// try calls check, which says whether a secret from an address is right. If the address has guessed too often, it returns how
// many seconds to wait instead.
//
// The same wrong secret again does not count. A page that was left open keeps asking with an old password, and must not keep
// out its own address with the new one.
func (l *loginLimit) try(remoteAddr, secret string, check func() bool) (right bool, wait int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	by := &l.by[maphash.String(l.seed, household(remoteAddr))%guessers]
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

// household returns the part of an address that its client cannot change at will: for IPv6 the /64 network.
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
