package datachannel

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/sctp"
	"github.com/pion/transport/v5/packetio"

	"udpcam/protocol"
)

const (
	// packet is the most bytes of an SCTP packet: a segment with its header, and SCTP's 28.
	packet = SegmentSize + protocol.SegmentHeaderSize + 28

	// maxMessage is the most bytes of a message. A browser's datagrams are smaller.
	maxMessage = 2048

	// window is SCTP's congestion window at least, in bytes: so much may be on the way. A path of 100 Mbit/s holds that much
	// in 80 ms. mostWaiting is how much more may wait for room in it: two frames of a good camera. Else old pictures would
	// leave first after an outage.
	window      = 1 << 20
	mostWaiting = 256 << 10

	// rtoMax is SCTP's longest time, in milliseconds, until it finds that something is lost for good. While an outage lasts
	// it is what has the window move again soon after.
	rtoMax = 150

	// repeats is how often SCTP repeats a message, as it believes: see once.
	repeats = 1
)

// quiet is the log of the libraries: what they have to say of a browser tells a user nothing.
var quiet = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}

// A peer is a browser that connects, or has been invited to by an answer. It is the net.PacketConn of its DTLS connection.
type peer struct {
	conn           *Conn
	offer          offer
	user, password string // of ICE, at this end
	made           time.Time
	arrived        *packetio.Buffer // packets of DTLS that have not been read
	leaving        outbox
	life           context.Context
	end            context.CancelFunc

	heard   atomic.Int64                   // when the browser was last heard, in ns since the Unix epoch
	addr    netip.AddrPort                 // to which packets leave; guarded by Conn.browsers
	to      atomic.Pointer[netip.AddrPort] // the same
	writing sync.Mutex                     // guards what follows
	channel *sctp.Stream                   // nil while there is none
	all     *sctp.Association
	message [maxMessage]byte

	addresses int // from which it has checked; guarded by Conn.browsers
}

// newPeer returns a peer that has not connected.
func newPeer(c *Conn, o offer) *peer {
	p := &peer{conn: c, offer: o, user: rand.Text(), password: rand.Text(), made: time.Now(),
		arrived: packetio.NewBuffer(), leaving: newOutbox()}
	p.life, p.end = context.WithCancel(context.Background())
	p.arrived.SetLimitSize(256 << 10)
	p.heard.Store(p.made.UnixNano())
	return p
}

// connects reports whether the browser has begun to connect. Conn.browsers is held.
func (p *peer) connects() bool { return p.addr.IsValid() }

func (p *peer) ended() bool { return p.life.Err() != nil }

// setAddr sets where packets leave to. Conn.browsers is held.
func (p *peer) setAddr(to netip.AddrPort) {
	p.addr = to
	p.to.Store(&to)
}

func (p *peer) lastHeard() time.Time { return time.Unix(0, p.heard.Load()) }

// patience is how long the browser may say nothing.
func (p *peer) patience() time.Duration {
	if p.connects() {
		return silence
	}
	return offerLasts
}

// run connects the browser, and hands on what it says, until it leaves.
func (p *peer) run() {
	defer p.forget()
	p.conn.running.Go(func() {
		p.leaving.leave(p.life.Done(), func(packets []protocol.Datagram) { p.conn.transmit(*p.to.Load(), packets) })
	})
	err := p.talk()
	if err != nil && !p.ended() {
		p.conn.config.Log.Debug("a browser's data channel has ended", "addr", p.to.Load(), "because", err)
	}
}

// talk does what run does. It always returns an error.
func (p *peer) talk() error {
	secure, err := dtls.ServerWithOptions(p, net.UDPAddrFromAddrPort(*p.to.Load()),
		dtls.WithCertificates(p.conn.certificate),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithVerifyConnection(p.verify),
		dtls.WithInsecureSkipVerifyHello(true), // the browser has proven its address by a check
		// Chromium calls the connection insecure unless a profile of SRTP is agreed on, although nothing uses it.
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithLoggerFactory(quiet),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
	)
	if err != nil {
		return err
	}
	defer secure.Close()
	defer context.AfterFunc(p.life, func() { secure.Close() })()
	if err := secure.HandshakeContext(p.life); err != nil {
		return err
	}
	// Both ends begin: a browser repeats its INIT only after a second.
	all, err := sctp.ClientContext(p.life, sctp.WithNetConn(&once{Conn: secure}), sctp.WithMTU(packet), sctp.WithEnableInterleaving(false),
		sctp.WithMinCwnd(window), sctp.WithRTOMax(rtoMax), sctp.WithMaxReceiveBufferSize(128<<10),
		sctp.WithMaxMessageSize(maxMessage), sctp.WithMaxReassemblyQueueEntries(64), sctp.WithLoggerFactory(quiet))
	if err != nil {
		return err
	}
	defer all.Close()
	channel, err := all.OpenStream(0, sctp.PayloadTypeWebRTCBinary)
	if err != nil {
		return err
	}
	channel.SetReliabilityParams(true, sctp.ReliabilityTypeRexmit, repeats)
	from := p.open(channel, all)
	b := make([]byte, maxMessage)
	for {
		n, _, err := channel.ReadSCTP(b)
		if err != nil {
			return err
		}
		now := time.Now()
		p.heard.Store(now.UnixNano())
		p.conn.put(b[:n], from, now)
	}
}

// verify checks that the browser is the one that made the offer.
func (p *peer) verify(s *dtls.State) error {
	if len(s.PeerCertificates) == 0 || fingerprintOf(s.PeerCertificates[0]) != p.offer.fingerprint {
		return errors.New("the certificate is not that of the offer")
	}
	return nil
}

// open makes the channel known to senders, under the browser's present address, which it returns.
func (p *peer) open(channel *sctp.Stream, all *sctp.Association) netip.AddrPort {
	p.writing.Lock()
	p.channel, p.all = channel, all
	p.writing.Unlock()
	p.conn.browsers.Lock()
	defer p.conn.browsers.Unlock()
	if other := p.conn.channels[p.addr]; other != nil {
		other.end()
	}
	p.conn.channels[p.addr] = p
	return p.addr
}

// forget removes all that leads to the peer.
func (p *peer) forget() {
	p.end()
	p.arrived.Close()
	c := p.conn
	c.browsers.Lock()
	defer c.browsers.Unlock()
	delete(c.offered, p.user)
	for _, by := range []map[netip.AddrPort]*peer{c.peers, c.channels} {
		for addr, o := range by {
			if o == p {
				delete(by, addr)
			}
		}
	}
}

// send sends datagrams, as far as there is room for them. It returns how many.
func (p *peer) send(datagrams []protocol.Datagram) (sent int) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.all.BufferedAmount() > window+mostWaiting {
		return 0
	}
	for _, d := range datagrams {
		b := append(append(p.message[:0], d[0]...), d[1]...)
		if _, err := p.channel.WriteSCTP(b, sctp.PayloadTypeWebRTCBinary); err != nil {
			break // it has ended
		}
		sent++
	}
	return sent
}

// ReadFrom implements net.PacketConn.
func (p *peer) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := p.arrived.Read(b, nil)
	return n, net.UDPAddrFromAddrPort(*p.to.Load()), err
}

// WriteTo implements net.PacketConn. Packets leave to the address that the browser has chosen, whatever DTLS thinks.
func (p *peer) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.leaving.put(b)
	return len(b), nil
}

// Close implements net.PacketConn.
func (p *peer) Close() error { return p.arrived.Close() }

// LocalAddr implements net.PacketConn.
func (p *peer) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.conn.LocalAddr()) }

// SetDeadline implements net.PacketConn.
func (p *peer) SetDeadline(t time.Time) error { return p.arrived.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *peer) SetReadDeadline(t time.Time) error { return p.arrived.SetReadDeadline(t) }

// SetWriteDeadline implements net.PacketConn. Writing does not block.
func (p *peer) SetWriteDeadline(time.Time) error { return nil }
