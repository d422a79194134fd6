package hubconn

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"udpcam/protocol"
)

// meet has a client with one secret meet a server with another. It returns the client's role as the server sees it.
func meet(client *tls.Config, server Secret, roles bool) (Role, error) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	accepted := make(chan error, 1)
	far := tls.Server(b, server.ServerTLS(roles))
	go func() { accepted <- far.Handshake() }()
	near := tls.Client(a, client)
	if err := near.Handshake(); err != nil {
		a.Close()
		<-accepted
		return Role{}, err
	}
	go near.Read(make([]byte, 1)) // takes in what the server says of the certificate
	if err := <-accepted; err != nil {
		return Role{}, err
	}
	role, _ := server.RoleOf(far.ConnectionState())
	return role, nil
}

// Who holds the secret, or one derived from it, is let in, in its role, and no one else is.
func TestSecrets(t *testing.T) {
	site, other := NewSecret(protocol.NewKey()), NewSecret(protocol.NewKey())
	reparse := func(s Secret) Secret {
		again, err := ParseSecret(s.Text())
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	camera, viewer := reparse(site.For(Role{RoleCamera, "front.door: 1"})), reparse(site.For(Role{Kind: RoleViewer}))
	forged := site.For(Role{Kind: RoleViewer})
	forged.role = Role{} // a viewer that says it is the site
	renamed := camera
	renamed.role.Camera = "back door"
	unsealed := site.TLS()
	unsealed.Certificates = nil
	for name, tt := range map[string]struct {
		client *tls.Config
		roles  bool
		want   Role
		fails  bool
	}{
		"the site":             {site.TLS(), false, Role{}, false},
		"a camera":             {camera.TLS(), true, Role{RoleCamera, "front.door: 1"}, false},
		"a viewer":             {viewer.TLS(), true, Role{Kind: RoleViewer}, false},
		"a viewer as a hub":    {viewer.TLS(), false, Role{}, true},
		"a viewer as the site": {forged.TLS(), true, Role{}, true},
		"a camera renamed":     {renamed.TLS(), true, Role{}, true},
		"another site":         {other.TLS(), true, Role{}, true},
		"no certificate":       {unsealed, true, Role{}, true},
	} {
		role, err := meet(tt.client, site, tt.roles)
		if role != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %v %v", name, role, err)
		}
	}
	if _, err := meet(site.TLS(), other, true); err == nil {
		t.Error("a client believes another hub")
	}
	for _, text := range []string{"", "x", "viewer:", "viewer:AAAA", "camera:" + strings.Repeat("A", 86), ":" + strings.Repeat("A", 86)} {
		if _, err := ParseSecret(text); err == nil {
			t.Errorf("%q is a secret", text)
		}
	}
}

func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"b": "nats://b:4222", "nats://b": "nats://b:4222", "192.168.1.5:5000": "nats://192.168.1.5:5000", "nats://u:p@b": "nats://u:p@b:4222",
		"b:7000": "nats://b:7000", "tls://b": "tls://b:4222", "nats://[::1]": "nats://[::1]:4222", "": "", "http://b": "", "nats://": "",
	} {
		if got, err := ParseURL(text, "4222"); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
}

func TestOld(t *testing.T) {
	for version, want := range map[string]bool{"2.8.4": true, "1.4.1": true, "2.9.25": false, "2.15.3": false, "3.0.0": false, "dev": false} {
		if old(version) != want {
			t.Errorf("%s: %v", version, !want)
		}
	}
}
