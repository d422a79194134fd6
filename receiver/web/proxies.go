package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the addresses of proxies that tell the truth about their clients, see [Config.TrustProxies].
type proxies []netip.Prefix

func (p proxies) have(ip netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(ip) })
}

// client returns the request with the address of the client that the proxies tell. Each proxy adds the address that it was
// asked from at the end of X-Forwarded-For. So the last address that is no proxy's is the client's. Whatever stands before
// that may be the client's own invention.
func (p proxies) client(r *http.Request) *http.Request {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !p.have(peer.Addr().Unmap()) {
		return r
	}
	told := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(told) {
		ip, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return r
		}
		if ip = ip.Unmap(); !p.have(ip) {
			r = r.WithContext(r.Context()) // a copy
			r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
			return r
		}
	}
	return r
}
