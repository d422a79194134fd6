package main

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// A keyPair is a certificate and its key in files that somebody renews now and then: they are read again when they have
// changed, so that a server which runs for months goes on with the new one. What cannot be read is not taken.
type keyPair struct {
	cert, key string // files' names

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed time.Time // of cert, when it was loaded
}

// get implements [tls.Config.GetCertificate].
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.cert)
	if err == nil && p.loaded != nil && info.ModTime().Equal(p.changed) {
		return p.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	switch {
	case err == nil && info != nil:
		p.loaded, p.changed = &pair, info.ModTime()
	case p.loaded == nil:
		return nil, err
	}
	return p.loaded, nil
}
