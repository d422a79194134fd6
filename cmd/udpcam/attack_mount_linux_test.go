package main_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

// An attacker attacks one receiver and the senders whose streams it gets.
type attacker struct {
	*air
	target netip.AddrPort   // the receiver
	own    []netip.AddrPort // the attacker's own addresses
	rand   *rand.Rand
	base   uint32 // its first invented session
	sent   atomic.Int64
}

func newAttacker(a *air, target string, host int) *attacker {
	at := &attacker{air: a, target: netip.MustParseAddrPort(target), rand: rand.New(rand.NewPCG(1, uint64(host)))}
	at.base = at.rand.Uint32N(1 << 22)
	for i := range 50 {
		at.own = append(at.own, netip.MustParseAddrPort(fmt.Sprintf("10.77.%d.%d:40000", host, 101+i)))
	}
	return at
}

// anybody is an address somewhere else.
func (a *attacker) anybody() netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 10<<24|99<<16|a.rand.Uint32N(1<<16))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), uint16(1024+a.rand.IntN(60_000)))
}

func (a *attacker) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(a.rand.Uint32())
	}
	return b
}

// attackNamed finds an attack.
func attackNamed(name string) attack {
	for _, a := range attacks {
		if a.name == name {
			return a
		}
	}
	panic("there is no attack " + name)
}

// mount makes so many calls of the attack a second until ctx ends, or one call if rate is 0. How many packets it has sent is
// in a.sent.
func (a *attacker) mount(ctx context.Context, at attack, rate float64) {
	began := time.Now()
	for n := 0; ctx.Err() == nil; {
		due := int(time.Since(began).Seconds()*rate) + 1
		if n >= due {
			time.Sleep(time.Duration(1e9 * min(0.02, max(0.001, 1/rate))))
			continue
		}
		for burst := 0; n < due && burst < 200; burst++ {
			for _, p := range at.packets(a, n) {
				a.emit(p)
				a.sent.Add(1)
			}
			n++
		}
		if rate == 0 {
			return
		}
	}
}

// mountAll mixes attacks, at so many packets a second together, until ctx ends. It calls rare with the name of each that is
// mounted at most once a second.
func (a *attacker) mountAll(ctx context.Context, mixed []attack, rate float64, rare func(name string)) {
	rest, sharing := rate, 0.
	for _, at := range mixed {
		if rest -= at.rate; at.rate == 0 {
			sharing++
		}
	}
	began, called := time.Now(), make([]int, len(mixed))
	for ctx.Err() == nil {
		seconds := time.Since(began).Seconds()
		for i, at := range mixed {
			share := at.rate
			if share == 0 {
				share = max(0, rest) / sharing
			}
			due := int(seconds*share + float64(i)/float64(len(mixed))) // rare attacks do not all come at the same time
			for burst := 0; called[i] < due && burst < 50; burst++ {
				packets := at.packets(a, called[i])
				for _, p := range packets {
					a.emit(p)
					a.sent.Add(1)
				}
				if called[i]++; at.rate > 0 && at.rate <= 1 && len(packets) > 0 {
					rare(at.name)
				}
			}
		}
		time.Sleep(4 * time.Millisecond)
	}
}
