package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"

	"udpcam/protocol"
)

// Datagrams bring pictures to pages as datagrams, by data channels of WebRTC: see [Config.Datagrams]. Any goroutine may call
// its methods.
type Datagrams interface {
	// Answer answers a page's offer of a data channel (SDP, RFC 8829). The page reaches this machine by the address at.
	// The error is ErrNoDatagrams, or says what is wrong with the offer.
	Answer(offer []byte, at netip.Addr) (answer []byte, err error)
	// Put sends a frame to the pages that have subscribed to its stream. The frame is immutable, and its capture time is by
	// this machine's clock. Put does not wait.
	Put(f protocol.Frame)
}

// ErrNoDatagrams means that there are none, or not now.
var ErrNoDatagrams = errors.New("there are no datagrams now")

// maxOffer is the most bytes of an offer. Browsers make some 600.
const maxOffer = 16 << 10

// serveDatagrams answers a page's offer of a data channel. Like WebSockets, it is for pages of this server.
func (s *Server) serveDatagrams(w http.ResponseWriter, r *http.Request) {
	if status, why := s.gate.CheckPage(r); status != 0 && !s.origins.allows(r.Header.Get("Origin")) {
		http.Error(w, why, status)
		return
	}
	offer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOffer))
	at, reached := reachedBy(r)
	if err == nil && !reached {
		err = errors.New("the server does not know by which address it is reached")
	}
	var answer []byte
	if err == nil {
		answer, err = s.config.Datagrams.Answer(offer, at)
	}
	switch {
	case errors.Is(err, ErrNoDatagrams):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(answer)
}

// reachedBy returns the address of this machine by which a client reaches it: what the client calls it, if that is an IP
// address, as behind a router that forwards the port; else where the connection ends.
func reachedBy(r *http.Request) (netip.Addr, bool) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if len(host) > 1 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	if at, err := netip.ParseAddr(host); err == nil {
		return at, true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return netip.Addr{}, false
	}
	at, err := netip.ParseAddrPort(local.String())
	return at.Addr().Unmap(), err == nil
}
