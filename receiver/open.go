package receiver

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"udpcam/internal/datagram"
)

// smallBuffer is a size in bytes. If the receive buffer is smaller, the log says so. This size holds a third of a second of
// a good camera's frames.
const smallBuffer = 1 << 20

// Listen returns a receiver on a UDP address: host:port, :port for all addresses of this machine, or the address and port of
// a multicast group.
func Listen(ctx context.Context, c Config, addr string) (*Receiver, error) {
	conn, err := listen(ctx, c, addr)
	if err != nil {
		return nil, err
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		group, _ := netip.ParseAddr(host)
		c.OneWay = c.OneWay || group.IsMulticast()
	}
	return New(c, conn), nil
}

// Subscribe returns a receiver that subscribes to senders: see [Subscription] for the addresses. It has a port of its own,
// and takes no datagrams but those of these senders. More can be added later with [Receiver.Subscribe], also if there are
// none yet.
func Subscribe(ctx context.Context, c Config, from ...string) (*Receiver, error) {
	conn, err := listen(ctx, c, ":0")
	if err != nil {
		return nil, err
	}
	r := NewSubscriber(c, conn)
	for _, addr := range from {
		if err := r.Subscribe(ctx, Subscription{Addr: addr}); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// listen opens a socket to receive on.
func listen(ctx context.Context, c Config, addr string) (*datagram.UDP, error) {
	conn, err := datagram.Listen(ctx, addr, datagram.Options{Interface: c.Interface, NoGRO: c.NoGRO, Log: c.Log})
	if err != nil {
		return nil, err
	}
	if size := conn.ReceiveBuffer(); size > 0 && size < smallBuffer {
		cmp.Or(c.Log, slog.Default()).Warn("the kernel's receive buffer is small: frames may be lost while udpcam is busy",
			"bytes", size, "hint", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", datagram.ReceiveBuffer))
	}
	return conn, nil
}
