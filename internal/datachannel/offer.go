package datachannel

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"udpcam/protocol"
)

// MaxOffer is the most bytes of an offer. Browsers make some 600; each network interface adds a hundred.
const MaxOffer = 16 << 10

// ErrOffer means that an offer is none of a page that wants one data channel.
var ErrOffer = errors.New("this is no offer of a data channel")

// An offer is what counts of an offer (SDP, RFC 8866; the attributes are those of RFC 8841 and RFC 8839).
type offer struct {
	user, mid   string // of ICE; of the media section
	fingerprint string // SHA-256, in upper case
}

// parseOffer reads an offer. The error is ErrOffer.
func parseOffer(b []byte) (o offer, err error) {
	if len(b) > MaxOffer {
		return o, ErrOffer
	}
	section := false
	for line := range bytes.Lines(b) {
		text := strings.TrimRight(string(line), "\r\n")
		key, value, _ := strings.Cut(text, ":")
		switch key {
		case "a=ice-ufrag":
			o.user = value
		case "a=mid":
			o.mid = value
		case "a=fingerprint":
			if kind, sum, _ := strings.Cut(value, " "); strings.EqualFold(kind, "sha-256") {
				o.fingerprint = strings.ToUpper(sum)
			}
		}
		if strings.HasPrefix(text, "m=") {
			if section || !strings.HasPrefix(text, "m=application ") || !strings.Contains(text, "DTLS/SCTP") {
				return offer{}, ErrOffer
			}
			section = true
		}
	}
	const fingerprint = 32*3 - 1 // characters
	if !section || !isToken(o.user, 256) || !isToken(o.mid, 16) || len(o.fingerprint) != fingerprint {
		return offer{}, ErrOffer
	}
	return o, nil
}

// isToken reports whether a text may stand in an answer: ice-char of RFC 8839, and what mids are made of.
func isToken(text string, most int) bool {
	const also = "+/-_"
	return text != "" && len(text) <= most && strings.IndexFunc(text, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(also, r))
	}) < 0
}

// Answer returns the answer to an offer (SDP). A browser may then connect, to that address of this machine and to this port.
// The address is that by which the page reaches the machine. The error is ErrOffer.
func (c *Conn) Answer(sdp []byte, at netip.Addr) ([]byte, error) {
	o, err := parseOffer(sdp)
	if err != nil {
		c.refused.Add(1)
		return nil, err
	}
	p := newPeer(c, o)
	c.browsers.Lock()
	c.makeRoom()
	c.offered[p.user] = p
	c.browsers.Unlock()
	family, address := "IP4", at.Unmap().WithZone("")
	if address.Is6() {
		family = "IP6"
	}
	port := c.LocalAddr().Port()
	lines := []string{
		"v=0", "o=- 0 0 IN " + family + " " + address.String(), "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE " + o.mid,
		fmt.Sprintf("m=application %d UDP/DTLS/SCTP webrtc-datachannel", port), "c=IN " + family + " " + address.String(),
		"a=mid:" + o.mid, "a=ice-ufrag:" + p.user, "a=ice-pwd:" + p.password, "a=fingerprint:sha-256 " + c.fingerprint,
		"a=setup:passive", "a=sctp-port:5000", fmt.Sprintf("a=max-message-size:%d", maxMessage),
		fmt.Sprintf("a=candidate:1 1 udp 2130706431 %s %d typ host", address, port), "a=end-of-candidates", "",
	}
	return []byte(strings.Join(lines, "\r\n")), nil
}

// makeRoom forgets the oldest offer if too many wait for their browser. c.browsers is held.
func (c *Conn) makeRoom() {
	var oldest *peer
	waiting := 0
	for _, p := range c.offered {
		if p.connects() {
			continue
		}
		if waiting++; oldest == nil || p.made.Before(oldest.made) {
			oldest = p
		}
	}
	if waiting >= maxOffers {
		delete(c.offered, oldest.user)
		oldest.end()
	}
}

// makePlace reports whether one more browser may connect. If there is no place, the household that has the most loses its
// newest browser, if that of the new one has fewer. c.browsers is held.
func (c *Conn) makePlace(from netip.Addr) bool {
	has, all := map[netip.Prefix]int{}, 0
	for _, p := range c.offered {
		if p.connects() && !p.ended() {
			has[protocol.Household(p.addr.Addr())]++
			all++
		}
	}
	if all < c.config.MaxPeers {
		return true
	}
	var newest *peer
	for _, p := range c.offered {
		if !p.connects() || p.ended() {
			continue
		}
		n := has[protocol.Household(p.addr.Addr())]
		if newest == nil || n > has[protocol.Household(newest.addr.Addr())] ||
			n == has[protocol.Household(newest.addr.Addr())] && p.made.After(newest.made) {
			newest = p
		}
	}
	if has[protocol.Household(newest.addr.Addr())] <= has[protocol.Household(from)]+1 {
		return false
	}
	newest.end()
	return true
}
