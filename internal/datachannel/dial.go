package datachannel

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/sctp"
	"github.com/pion/stun/v3"

	"udpcam/protocol"
)

// A Channel is the browser's end of a data channel, for programs that measure or test what browsers would get. It is a
// [protocol.Conn], so a receiver can use it.
type Channel struct {
	socket  *net.UDPConn
	server  netip.AddrPort
	secure  *dtls.Conn
	all     *sctp.Association
	channel *sctp.Stream

	inbox
	reading sync.WaitGroup

	sending sync.Mutex // guards message
	message [maxMessage]byte
}

// Dial connects to a [Conn] as a browser does. The function post brings the offer to it, and returns the answer.
func Dial(ctx context.Context, post func(offer []byte) (answer []byte, err error)) (*Channel, error) {
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return nil, err
	}
	user := rand.Text()
	sdp, err := post([]byte(strings.Join([]string{
		"v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0",
		"a=ice-ufrag:" + user, "a=ice-pwd:" + rand.Text(), "a=mid:0", "a=setup:actpass", "a=sctp-port:5000",
		"a=fingerprint:sha-256 " + fingerprintOf(certificate.Certificate[0]), "",
	}, "\r\n")))
	if err != nil {
		return nil, err
	}
	a, err := parseAnswer(sdp)
	if err != nil {
		return nil, err
	}
	c := &Channel{inbox: newInbox(), server: a.addr}
	if c.socket, err = net.ListenUDP("udp", nil); err != nil {
		return nil, err
	}
	c.socket.SetReadBuffer(4 << 20)
	if err = c.check(ctx, a.user+":"+user, a.password); err == nil {
		err = c.open(ctx, certificate, a.fingerprint)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// An answer is what counts of an answer.
type answer struct {
	user, password, fingerprint string
	addr                        netip.AddrPort
}

func parseAnswer(sdp []byte) (a answer, err error) {
	for line := range strings.Lines(string(sdp)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "a=ice-ufrag":
			a.user = value
		case "a=ice-pwd":
			a.password = value
		case "a=fingerprint":
			a.fingerprint = strings.TrimPrefix(value, "sha-256 ")
		case "a=candidate":
			if fields := strings.Fields(value); len(fields) > 5 {
				a.addr, err = netip.ParseAddrPort(net.JoinHostPort(fields[4], fields[5]))
			}
		}
	}
	if err == nil && !a.addr.IsValid() {
		err = errors.New("the answer has no address")
	}
	return a, err
}

// check checks the address until it answers (RFC 8445).
func (c *Channel) check(ctx context.Context, user, password string) error {
	b := make([]byte, 1<<11)
	for ctx.Err() == nil {
		request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(user),
			stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity(password), stun.Fingerprint)
		if err != nil {
			return err
		}
		if _, err := c.socket.WriteToUDPAddrPort(request.Raw, c.server); err != nil {
			return err
		}
		c.socket.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, _, err := c.socket.ReadFromUDPAddrPort(b)
		reply := stun.New()
		if err == nil && stun.Decode(b[:n], reply) == nil && reply.Type == stun.BindingSuccess {
			return c.socket.SetReadDeadline(time.Time{})
		}
	}
	return fmt.Errorf("%v does not answer: %w", c.server, ctx.Err())
}

// open begins DTLS, and SCTP on it.
func (c *Channel) open(ctx context.Context, certificate tls.Certificate, fingerprint string) (err error) {
	c.secure, err = dtls.ClientWithOptions(c.socket, net.UDPAddrFromAddrPort(c.server), dtls.WithCertificates(certificate),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what counts
		dtls.WithVerifyConnection(func(s *dtls.State) error {
			if len(s.PeerCertificates) == 0 || fingerprintOf(s.PeerCertificates[0]) != fingerprint {
				return errors.New("the certificate is not that of the answer")
			}
			return nil
		}), dtls.WithLoggerFactory(quiet), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret))
	if err != nil {
		return err
	}
	if err := c.secure.HandshakeContext(ctx); err != nil {
		return err
	}
	c.all, err = sctp.ClientContext(ctx, sctp.WithNetConn(c.secure), sctp.WithMTU(packet), sctp.WithEnableInterleaving(false),
		sctp.WithMaxReceiveBufferSize(5<<20), sctp.WithLoggerFactory(quiet)) // Chromium's has 5 MiB
	if err != nil {
		return err
	}
	if c.channel, err = c.all.OpenStream(0, sctp.PayloadTypeWebRTCBinary); err != nil {
		return err
	}
	c.channel.SetReliabilityParams(true, sctp.ReliabilityTypeRexmit, repeats)
	c.reading.Go(c.listen)
	return nil
}

// listen reads what comes, until the channel has ended.
func (c *Channel) listen() {
	defer close(c.closed)
	b := make([]byte, maxMessage)
	for {
		n, _, err := c.channel.ReadSCTP(b)
		if err != nil {
			return
		}
		c.put(b[:n], c.server, time.Now())
	}
}

// Server is the address of the other end.
func (c *Channel) Server() netip.AddrPort { return c.server }

// LocalAddr implements [protocol.Conn].
func (c *Channel) LocalAddr() netip.AddrPort { return c.socket.LocalAddr().(*net.UDPAddr).AddrPort() }

// Send implements [protocol.Conn]. All goes to the other end.
func (c *Channel) Send(_ netip.AddrPort, datagrams []protocol.Datagram) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	for _, d := range datagrams {
		b := append(append(c.message[:0], d[0]...), d[1]...)
		if _, err := c.channel.WriteSCTP(b, sctp.PayloadTypeWebRTCBinary); err != nil {
			return net.ErrClosed
		}
	}
	return nil
}

// Close implements [protocol.Conn].
func (c *Channel) Close() error {
	if c.all != nil {
		c.all.Close()
	}
	if c.secure != nil {
		c.secure.Close()
	}
	c.socket.Close()
	c.reading.Wait()
	return nil
}
