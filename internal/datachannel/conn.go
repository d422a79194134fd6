package datachannel

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/selfsign"

	"udpcam/internal/datagram"
	"udpcam/protocol"
)

// SegmentSize is how many bytes of a frame a datagram may have: see [sender.Config.SegmentSize]. With the headers of
// udpcam/1, SCTP, DTLS, UDP and IPv6 that makes a packet of 1485 bytes.
const SegmentSize = 1344

// The bounds of what browsers can have here.
const (
	// DefaultMaxPeers is how many browsers may be connected unless the Config says otherwise. It bounds the memory: a
	// connected browser takes some 200 kB.
	DefaultMaxPeers = 256

	// maxOffers is how many offers may wait for their browser, and offerLasts how long. An offer takes some 300 bytes.
	maxOffers  = 256
	offerLasts = 10 * time.Second

	// silence is how long a browser may say nothing: longer than the outages that a page waits out. One that has left
	// without a word is sent nothing for longer than its subscriptions last.
	silence = 15 * time.Second
)

// A Config says how a Conn works.
type Config struct {
	// MaxPeers is how many browsers may be connected. If there are more, one of the IPv4 address or IPv6 /64 that has the
	// most gives way. 0 means DefaultMaxPeers.
	MaxPeers int
	// Log gets trouble. Nil means slog.Default().
	Log *slog.Logger
}

// A Conn is a UDP port to which browsers connect. Its methods are for any goroutine.
type Conn struct {
	config      Config
	socket      *datagram.UDP
	sending     sync.Mutex // guards the socket's sending side
	certificate tls.Certificate
	fingerprint string // of the certificate, as in SDP
	running     sync.WaitGroup
	inbox

	refused, lost atomic.Uint64 // see Stats

	browsers sync.Mutex               // guards what follows
	offered  map[string]*peer         // by the user name that the answer gave
	peers    map[netip.AddrPort]*peer // by each address from which the browser has checked
	channels map[netip.AddrPort]*peer // whose channel is open, by the address that senders know
}

// Listen opens a port at a UDP address of this machine: host:port, or :port for all its addresses.
func Listen(ctx context.Context, addr string, c Config) (*Conn, error) {
	c.MaxPeers, c.Log = cmp.Or(c.MaxPeers, DefaultMaxPeers), cmp.Or(c.Log, slog.Default())
	certificate, err := selfsign.GenerateSelfSigned() // the page gets its fingerprint from the same server
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	socket, err := datagram.Listen(ctx, addr, datagram.Options{NoGRO: true, Log: c.Log})
	if err != nil {
		return nil, err
	}
	conn := &Conn{config: c, socket: socket, certificate: certificate, inbox: newInbox(),
		fingerprint: fingerprintOf(certificate.Certificate[0]), offered: map[string]*peer{}, peers: map[netip.AddrPort]*peer{},
		channels: map[netip.AddrPort]*peer{}}
	conn.running.Go(conn.listen)
	conn.running.Go(conn.tidy)
	return conn, nil
}

// fingerprintOf returns the fingerprint of a certificate as RFC 8122 writes it.
func fingerprintOf(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// LocalAddr implements [protocol.Conn].
func (c *Conn) LocalAddr() netip.AddrPort { return c.socket.LocalAddr() }

// Stats are what has happened at a [Conn] since it was made, and how many channels there are now.
type Stats struct {
	Channels int    // that are open
	Refused  uint64 // packets of strangers, and offers that were none
	Lost     uint64 // datagrams that did not leave: there was no room for them, or their browser had left
}

// Stats returns the present figures.
func (c *Conn) Stats() Stats {
	c.browsers.Lock()
	defer c.browsers.Unlock()
	return Stats{len(c.channels), c.refused.Load(), c.lost.Load()}
}

// Send implements [protocol.Conn]. What is sent to a browser that is not connected is lost, and so is what a connected one
// has no room for. Send does not wait for the network.
func (c *Conn) Send(to netip.AddrPort, datagrams []protocol.Datagram) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	default:
	}
	c.browsers.Lock()
	p := c.channels[to]
	c.browsers.Unlock()
	sent := 0
	if p != nil {
		sent = p.send(datagrams)
	}
	c.lost.Add(uint64(len(datagrams) - sent))
	return nil
}

// Close implements [protocol.Conn]. It disconnects all browsers, and waits until nothing of them is left.
func (c *Conn) Close() error {
	c.browsers.Lock()
	select {
	case <-c.closed:
		c.browsers.Unlock()
		return nil
	default:
	}
	close(c.closed)
	for _, p := range c.peers {
		p.end()
	}
	c.browsers.Unlock()
	err := c.socket.Close()
	c.running.Wait()
	return err
}

// listen hands on what comes to the port, until it is closed.
func (c *Conn) listen() {
	for {
		batches, err := c.socket.Receive()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // it may be what ICMP says of a browser that has left
			time.Sleep(time.Millisecond)
		}
		for _, batch := range batches {
			for b := range batch.All() {
				c.hear(b, batch.From)
			}
		}
	}
}

// hear hands on a packet. Its first byte tells what it is: RFC 7983.
func (c *Conn) hear(b []byte, from netip.AddrPort) {
	switch {
	case len(b) > 0 && b[0] < 4:
		if !c.check(b, from) {
			c.refused.Add(1)
		}
	case len(b) > 0 && b[0] >= 20 && b[0] < 64: // DTLS
		c.browsers.Lock()
		p := c.peers[from]
		c.browsers.Unlock()
		if p != nil {
			p.arrived.Write(b, nil) // a full buffer loses it
			return
		}
		c.refused.Add(1)
	default:
		c.refused.Add(1)
	}
}

// transmit sends packets. What cannot be sent is lost, as in any network.
func (c *Conn) transmit(to netip.AddrPort, packets []protocol.Datagram) {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.socket.Send(to, packets)
}

// tidy forgets offers that nobody has taken up, and disconnects browsers that say nothing.
func (c *Conn) tidy() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-c.closed:
			return
		case now := <-tick.C:
			c.browsers.Lock()
			for name, p := range c.offered {
				if now.Sub(p.lastHeard()) > p.patience() {
					delete(c.offered, name)
					p.end()
				}
			}
			c.browsers.Unlock()
		}
	}
}
