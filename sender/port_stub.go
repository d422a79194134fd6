package sender

import (
	"context"
	"log/slog"
	"net/netip"

	"udpcam/internal/datagram"
	"udpcam/protocol"
)

// A stub, which the real one replaces: it only holds the port.

type PortConfig struct {
	MaxSubscribers int
	NoGSO          bool
	Clock          protocol.Clock
	Log            *slog.Logger
}

type Port struct{ conn *datagram.UDP }

func OpenPort(ctx context.Context, c PortConfig, addr string) (*Port, error) {
	conn, err := datagram.Listen(ctx, addr, datagram.Options{NoGSO: c.NoGSO, Log: c.Log})
	if err != nil {
		return nil, err
	}
	return &Port{conn}, nil
}

func (p *Port) LocalAddr() netip.AddrPort { return p.conn.LocalAddr() }

func (p *Port) Close() error { return p.conn.Close() }

func (s *Sender) Watched() bool { return len(s.Addrs()) > 0 }
