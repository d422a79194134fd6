//go:build languages

package conform

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"udpcam/internal/netsim"
)

// A lossyPath relays datagrams between a sender and a receiver, as a network that loses and delays some does.
type lossyPath struct {
	in, out *net.UDPConn // in is what the sender sends to, out sends to the receiver

	mu          sync.Mutex
	sender      netip.AddrPort
	there, back *netsim.Crossing
	flight      netsim.Schedule[flying]
	timer       *time.Timer
}

// A flying datagram is on its way.
type flying struct {
	bytes []byte
	by    *net.UDPConn
	to    netip.AddrPort
}

func newPath(to netip.AddrPort) (*lossyPath, error) {
	in, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	out, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		in.Close()
		return nil, err
	}
	delay := netsim.Path{Delay: 10 * time.Millisecond}
	p := &lossyPath{in: in, out: out, there: netsim.NewCrossing(delay, 7, 0), back: netsim.NewCrossing(delay, 7, 1)}
	p.timer = time.AfterFunc(time.Hour, p.land)
	go p.relay(in, func(b []byte, from netip.AddrPort) {
		p.sender = from
		p.cross(p.there, b, out, to)
	})
	go p.relay(out, func(b []byte, from netip.AddrPort) { p.cross(p.back, b, in, p.sender) })
	return p, nil
}

func (p *lossyPath) addr() netip.AddrPort { return addressOf(p.in) }

func (p *lossyPath) relay(from *net.UDPConn, pass func([]byte, netip.AddrPort)) {
	b := make([]byte, 1<<16)
	for {
		n, at, err := from.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		pass(bytes.Clone(b[:n]), at)
		p.mu.Unlock()
	}
}

// cross sends a datagram when it has crossed the network. p.mu is held.
func (p *lossyPath) cross(over *netsim.Crossing, b []byte, by *net.UDPConn, to netip.AddrPort) {
	arrivals, _ := over.Cross(time.Now(), len(b))
	for _, at := range arrivals {
		p.flight.Put(at, flying{b, by, to})
	}
	if next, ok := p.flight.Next(); ok {
		p.timer.Reset(time.Until(next))
	}
}

// land delivers the datagrams whose time has come.
func (p *lossyPath) land() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f, ok := p.flight.Due(time.Now()); ok; f, ok = p.flight.Due(time.Now()) {
		f.by.WriteToUDPAddrPort(f.bytes, f.to)
	}
	if next, ok := p.flight.Next(); ok {
		p.timer.Reset(time.Until(next))
	}
}

// lose makes the network lose a share of the datagrams from now on.
func (p *lossyPath) lose(share float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range []*netsim.Crossing{p.there, p.back} {
		c.SetPath(time.Now(), netsim.Path{Delay: 10 * time.Millisecond, Loss: share})
	}
}

func (p *lossyPath) Close() {
	p.timer.Stop()
	p.in.Close()
	p.out.Close()
}

// TestE2EConform tests every program against every rule. Most rules wait most of the time, so many are tested at once.
func TestE2EConform(t *testing.T) {
	few := make(chan struct{}, 3)
	for _, i := range implementations {
		for kind, key := range keys {
			for name, c := range map[string]Config{"recv": {Command: i.recv, Role: Receiver},
				"recv --from": {Command: i.from, Role: Receiver}, "send": {Command: i.send, Role: Sender},
				"send --listen": {Command: i.listen, Role: Sender}} {
				if c.Command == "" {
					continue
				}
				t.Run(fmt.Sprintf("%s %s, %s", i.name, name, kind), func(t *testing.T) {
					t.Parallel()
					few <- struct{}{}
					defer func() { <-few }()
					c.Command, c.Key, c.At = i.command(t, c.Command, key), Key(key), 8
					if _, err := Run(t.Context(), c, func(r Result) {
						if !r.Passed {
							t.Errorf("%s: %s\nexpected %s\nsaw %s", r.Rule, r.Says, r.Expected, r.Saw)
						}
					}); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}
