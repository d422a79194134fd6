package datachannel

import (
	"net/netip"
	"strings"

	"github.com/pion/stun/v3"

	"udpcam/protocol"
)

// maxAddresses is from how many addresses a browser may check. One that has several network interfaces checks from each.
const maxAddresses = 8

// check answers a connectivity check (RFC 8445, section 7.3) of a browser that knows the password of its answer. Others get
// no answer. The first check of a browser begins its connection. Later ones keep up the NATs on the way, and show its
// address if that changes.
func (c *Conn) check(b []byte, from netip.AddrPort) (answered bool) {
	request := stun.New()
	if stun.Decode(b, request) != nil || request.Type != stun.BindingRequest {
		return false
	}
	var name stun.Username
	if name.GetFrom(request) != nil {
		return false
	}
	own, others, _ := strings.Cut(name.String(), ":")
	c.browsers.Lock()
	p := c.offered[own]
	c.browsers.Unlock()
	if p == nil || others != p.offer.user || stun.NewShortTermIntegrity(p.password).Check(request) != nil {
		return false
	}
	if !c.admit(p, from, request.Contains(stun.AttrUseCandidate)) {
		return false
	}
	answer, err := stun.Build(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: from.Addr().Unmap().AsSlice(), Port: int(from.Port())},
		stun.NewShortTermIntegrity(p.password), stun.Fingerprint)
	if err == nil {
		c.transmit(from, []protocol.Datagram{{answer.Raw, nil}})
	}
	return err == nil
}

// admit notes that a browser has checked from an address, and whether it has chosen that. It returns false if there is no
// place for the browser.
func (c *Conn) admit(p *peer, from netip.AddrPort, chosen bool) bool {
	c.browsers.Lock()
	defer c.browsers.Unlock()
	select {
	case <-c.closed:
		return false
	default:
	}
	first := !p.connects()
	switch known := c.peers[from]; {
	case p.ended():
		return false
	case first && !c.makePlace(from.Addr()):
		delete(c.offered, p.user)
		return false
	case known == p:
	case p.addresses >= maxAddresses:
		return false
	default:
		if known != nil {
			known.end() // its browser has left: a NAT has given the address to this one
		}
		c.peers[from] = p
		p.addresses++
	}
	if first || chosen {
		p.setAddr(from)
	}
	if first {
		c.running.Go(p.run)
	}
	return true
}
