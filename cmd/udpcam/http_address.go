package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// urls returns the addresses of the page, the best first, and whether other machines can open them.
func (s *server) urls() (urls []string, others bool) {
	bound := s.listener.Addr().(*net.TCPAddr).AddrPort()
	own := ownAddresses(bound.Addr())
	if len(own) == 0 {
		own = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	}
	for _, a := range own {
		u := url.URL{Scheme: s.scheme, Host: netip.AddrPortFrom(a, bound.Port()).String(), Path: "/"}
		urls = append(urls, u.String())
	}
	return urls, !own[0].IsLoopback()
}

// url returns the best address of the page.
func (s *server) url() string {
	urls, _ := s.urls()
	return urls[0]
}

// pages returns the addresses at which other machines can open the page.
func (s *server) pages() []string {
	urls, others := s.urls()
	if !others {
		return nil
	}
	return urls
}

// announce logs where the page is, and whom it is for. attrs are more attributes of that line.
func (s *server) announce(attrs ...any) {
	urls, others := s.urls()
	attrs = append(attrs, "url", urls[0])
	if len(urls) > 1 {
		attrs = append(attrs, "or", strings.Join(urls[1:], " "))
	}
	switch bound := s.listener.Addr().(*net.TCPAddr); {
	case others:
	case bound.IP.IsLoopback():
		attrs = append(attrs, "hint", fmt.Sprintf("for this machine alone; --http 0.0.0.0:%d serves others too", bound.Port))
	default:
		attrs = append(attrs, "hint", "this machine is on no network now")
	}
	s.session.log.Info("serving", attrs...)
	if s.qr && others {
		s.drawQR(urls[0])
	}
}

// drawQR draws an address as a QR code on the console, with the token if there is one.
func (s *server) drawQR(address string) {
	if s.token != "" {
		address += "?token=" + url.QueryEscape(s.token)
	}
	if len(address) > maxQR {
		s.session.log.Warn("the token is too long for a QR code", "bytes", len(s.token))
		return
	}
	code, columns := drawQR(address, s.session.console.w)
	if width := s.session.console.width; width != nil && width() < columns {
		s.session.log.Warn("the terminal is too narrow for the QR code", "columns", columns)
		return
	}
	s.session.console.Write(code)
}
