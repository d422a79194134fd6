package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// certificate writes a certificate of this machine's and its key to a directory, and returns the certificate.
func certificate(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"key.pem":  {Type: "PRIVATE KEY", Bytes: rawKey},
		"cert.pem": {Type: "CERTIFICATE", Bytes: raw},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// A server with a certificate and a password shows pictures to a client that trusts the certificate and knows the password.
// It goes on when a new certificate takes the place of the first.
func TestE2EAccess(t *testing.T) {
	dir := t.TempDir()
	cert := certificate(t, dir, 1)
	os.Setenv("UDPCAM_AUTH", "me:secret")
	defer os.Unsetenv("UDPCAM_AUTH")
	server := udpcam(t, "serve", "--source", "test:?size=320x240", "--http", "127.0.0.1:0", "--token", "abc",
		"--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem"))
	url := server.url(t)
	get := func(cert *x509.Certificate, path string, change func(*http.Request)) int {
		t.Helper()
		pool := x509.NewCertPool()
		pool.AddCert(cert)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(r)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	for path, want := range map[string]int{
		"snapshot.jpg": 401, "": 401, "snapshot.jpg?token=abc": 200, "metrics?token=abd": 401,
	} {
		if got := get(cert, path, nil); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	login := func(r *http.Request) { r.SetBasicAuth("me", "secret") }
	if got := get(cert, "snapshot.jpg", login); got != 200 {
		t.Errorf("with the password: %d", got)
	}
	renewed := certificate(t, dir, 2)
	if got := get(renewed, "snapshot.jpg", login); got != 200 {
		t.Errorf("with another certificate: %d", got)
	}
	plain, err := http.Get("http" + url[len("https"):])
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("without encryption: %s", plain.Status)
	}
	server.stop(t)
}

// A port alone means this machine alone, for the page and for uploads. What everyone on the network can reach without a
// password is said, with its address.
func TestE2EExposed(t *testing.T) {
	post := func(address string) []string {
		return []string{"send", "--addr", "127.0.0.1:9", "--source", "post://" + address + "/"}
	}
	serve := func(address string) []string { return []string{"serve", "--source", "test:", "--http", address} }
	const waiting, serving = `pictures to be posted" address=(\S+)`, `msg=serving .*url=http://(\S+)/`
	const all, own = `0\.0\.0\.0:\d`, `[^l0]\S*:\d` // one of this machine's addresses
	for _, test := range []struct {
		args    []string
		ready   string
		address string // where it listens
		exposed string // what it warns of
	}{
		{post(":0"), waiting, `127\.0\.0\.1:\d`, ""},
		{post("0.0.0.0:0"), waiting, all, "everyone on the network can post .*address=" + all},
		{append(post("0.0.0.0:0"), "--token", "abc"), waiting, all, ""},
		{append(post("0.0.0.0:0"), "--auth", "me:abc"), waiting, all, ""},
		{serve(":0"), serving, `127\.0\.0\.1:\d`, ""},
		{serve("0.0.0.0:0"), serving, own, `everyone on the network can watch.*address=` + all},
		{append(serve("0.0.0.0:0"), "--token", "abc"), serving, own, ""},
	} {
		p := udpcam(t, test.args...)
		if address := p.says(t, test.ready)[1]; !regexp.MustCompile("^" + test.address).MatchString(address) {
			t.Errorf("%q listens on %s", test.args, address)
		}
		if test.exposed != "" {
			p.says(t, "level=WARN .*"+test.exposed)
		}
		p.stop(t)
		if n := strings.Count(p.stderr.String(), "everyone on the network"); n > 1 || (n == 1) != (test.exposed != "") {
			t.Errorf("%q warns %d times", test.args, n)
		}
	}
}

// --auth and --token are for uploads too.
func TestE2EUploadLogin(t *testing.T) {
	pic := readFile(t, street(t, 5)[0])
	for _, command := range [][]string{
		{"send", "--addr", "127.0.0.1:9", "--source", "post://:0/"},
		{"serve", "--http", ":0", "--source", "post://:0/"},
	} {
		p := udpcam(t, append(command, "--auth", "cam:secret", "--token", "abc")...)
		address := p.says(t, `posted" address=(\S+)`)[1]
		for url, want := range map[string]int{"http://": 401, "http://cam:no@": 401, "http://cam:secret@": 200} {
			r, err := http.Post(url+address+"/", "image/jpeg", bytes.NewReader(pic))
			if err != nil {
				t.Fatal(err)
			}
			if r.Body.Close(); r.StatusCode != want {
				t.Errorf("%s, %s: %s", command[0], url, r.Status)
			}
		}
		p.stop(t)
	}
	for _, args := range [][]string{
		{"send", "--addr", "127.0.0.1:9", "--source", "test:", "--token", "abc"},
		{"send", "--addr", "127.0.0.1:9", "--source", "post://:0", "--auth", "abc"},
	} {
		p := udpcam(t, args...)
		p.ends(t, 2)
	}
}
