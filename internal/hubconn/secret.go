package hubconn

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/hub"
)

// A Secret lets machines into a site's hubs. The secret of the site itself may do everything. Those of a camera and of a
// viewer are derived from it, and may do one thing each. From a secret follows an ed25519 key, and a certificate that it signs
// itself. Both ends of each connection show theirs, in TLS 1.3, and accept no others.
type Secret struct {
	role Role
	seed [32]byte          // the private key of this secret's certificate is derived from it
	hub  ed25519.PublicKey // of the certificate that hubs show
}

// A Role is what somebody may do. The zero value may do everything.
type Role struct {
	Kind   string // "", "camera" or "viewer"
	Camera string // the name of the stream that a camera may publish
}

// The kinds of roles, besides that of the site.
const (
	RoleCamera = "camera"
	RoleViewer = "viewer"
)

// text is the role in certificates and secrets.
func (r Role) text() string {
	if r.Kind == RoleCamera {
		return r.Kind + ":" + hub.Token(r.Camera)
	}
	return r.Kind
}

func parseRole(text string) (r Role, ok bool) {
	kind, token, named := strings.Cut(text, ":")
	r.Kind = kind
	if kind != RoleCamera {
		return r, !named && (kind == "" || kind == RoleViewer)
	}
	r.Camera, ok = hub.NameOf(token)
	return r, ok && len(r.Camera) <= protocol.MaxStreamName
}

// NewSecret makes the secret of a site from a key, as udpcam key prints it.
func NewSecret(key protocol.Key) Secret {
	s := Secret{}
	s.seed = derive(key[:], "site")
	s.hub = s.private().Public().(ed25519.PublicKey)
	return s
}

// ErrSecret is wrapped by each error of ParseSecret.
var ErrSecret = errors.New("no secret of a hub: give the text that udpcam key or udpcam hub secret prints")

// ParseSecret reads a secret: a key, or what Text has returned.
func ParseSecret(text string) (s Secret, err error) {
	text = strings.TrimSpace(text)
	at := strings.LastIndex(text, ":")
	if at < 0 {
		key, err := protocol.ParseKey(text)
		if err != nil {
			return s, fmt.Errorf("%w (%w)", ErrSecret, err)
		}
		return NewSecret(key), nil
	}
	role, ok := parseRole(text[:at])
	b, err := base64.RawURLEncoding.DecodeString(text[at+1:])
	if !ok || err != nil || len(b) != 64 || role.Kind == "" {
		return s, ErrSecret
	}
	s.role, s.hub = role, ed25519.PublicKey(b[32:])
	copy(s.seed[:], b)
	return s, nil
}

// For derives the secret of a role. Only the site's secret has others.
func (s Secret) For(role Role) Secret {
	return Secret{role: role, seed: derive(s.seed[:], role.text()), hub: s.hub}
}

// Text returns a derived secret as text.
func (s Secret) Text() string {
	return s.role.text() + ":" + base64.RawURLEncoding.EncodeToString(append(s.seed[:], s.hub...))
}

// Role is what the secret lets do.
func (s Secret) Role() Role { return s.role }

func derive(secret []byte, purpose string) (seed [32]byte) {
	b, err := hkdf.Key(sha256.New, secret, nil, "udpcam/1 hub "+purpose, len(seed))
	if err != nil {
		panic(err) // only if it were too long
	}
	return [32]byte(b)
}

func (s Secret) private() ed25519.PrivateKey {
	seed := derive(s.seed[:], "key")
	return ed25519.NewKeyFromSeed(seed[:])
}

// certificate is valid at all times: it is its key that counts, and a small camera may not know the time.
func (s Secret) certificate() tls.Certificate {
	private := s.private()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: s.role.text()},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		panic(err) // the template is always the same
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

var errOtherSecret = errors.New("the other end has another secret")

// TLS returns how to connect to a hub with this secret. Names in the hub's certificate do not matter, because its key is known.
func (s Secret) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		Certificates:       []tls.Certificate{s.certificate()},
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if !bytes.Equal(publicKey(state), s.hub) {
				return errOtherSecret
			}
			return nil
		},
	}
}

// ServerTLS returns how a hub with the site's secret takes connections. Other hubs have the same secret. With roles, so may
// have who holds a derived one.
func (s Secret) ServerTLS(roles bool) *tls.Config {
	c := s.TLS()
	c.ClientAuth = tls.RequireAnyClientCert
	c.VerifyConnection = func(state tls.ConnectionState) error {
		if role, ok := s.RoleOf(state); !ok || !roles && role.Kind != "" {
			return errOtherSecret
		}
		return nil
	}
	return c
}

// RoleOf returns what the other end of a connection may do. The certificate says which role it is of, and its key proves that.
func (s Secret) RoleOf(state tls.ConnectionState) (Role, bool) {
	if len(state.PeerCertificates) == 0 {
		return Role{}, false
	}
	role, ok := parseRole(state.PeerCertificates[0].Subject.CommonName)
	holder := s
	if role.Kind != "" {
		holder = s.For(role)
	}
	return role, ok && bytes.Equal(publicKey(state), holder.private().Public().(ed25519.PublicKey))
}

func publicKey(state tls.ConnectionState) ed25519.PublicKey {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	key, _ := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	return key
}
