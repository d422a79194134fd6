package sender

import (
	"context"
	"net/netip"

	"udpcam/internal/datagram"
	"udpcam/internal/hosts"
	"udpcam/protocol"
)

// A Resolver looks up the addresses of names. [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dial returns a sender to addresses. An address is host:port, or host for [protocol.DefaultPort]. The host is a name, a multicast
// group, or an IPv4 or IPv6 address (in brackets if a port follows). If a name has several addresses, the first one counts,
// IPv4 before IPv6. A name is looked up again when nobody answers, or if nobody can: the receiver may have another address
// by then.
func Dial(ctx context.Context, c Config, addrs ...string) (s *Sender, err error) {
	var to []Destination
	defer func() {
		if err != nil {
			for _, d := range to {
				d.Conn.Close()
			}
		}
	}()
	open := func(ctx context.Context, addr netip.Addr) (protocol.Conn, error) {
		return datagram.Open(ctx, addr, datagram.Options{Interface: c.Interface, TTL: c.TTL, NoGSO: c.NoGSO, NoGRO: true,
			DontFragment: c.automatic(), Refusals: true, Log: c.Log})
	}
	var names []string
	for _, a := range addrs {
		known, err := hosts.Resolve(ctx, c.Resolver, a)
		if err != nil {
			return nil, err
		}
		conn, err := open(ctx, known[0].Addr())
		if err != nil {
			return nil, err
		}
		to = append(to, Destination{Conn: conn, Addr: known[0]})
		names = append(names, hosts.Name(a))
	}
	if s, err = New(c, to...); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range s.destinations[:len(to)] { // subscribers may follow them already
		d.name, d.open, d.looked = names[i], open, s.config.Clock.Now()
	}
	return s, nil
}
