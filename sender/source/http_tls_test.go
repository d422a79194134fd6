package source

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// secureCamera starts a camera over TLS and returns its address and its certificate's fingerprint.
func secureCamera(t *testing.T, key crypto.Signer, certificate x509.Certificate, config *tls.Config) (url, pin string) {
	t.Helper()
	certificate.SerialNumber = big.NewInt(7)
	der, err := x509.CreateCertificate(rand.Reader, &certificate, &certificate, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	camera := httptest.NewUnstartedServer(answer{kind: "image/jpeg", body: street(t)[4]})
	camera.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	camera.TLS = config
	camera.StartTLS()
	t.Cleanup(camera.Close)
	return camera.URL, pinOf(der)
}

// The certificates that cameras have are refused, with their fingerprint in the error. With it in --pin they are taken, and
// no others.
func TestCameraCertificates(t *testing.T) {
	pic := street(t)[4]
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	later, home := now.Add(time.Hour), []net.IP{net.IPv4(127, 0, 0, 1)}
	for name, tt := range map[string]struct {
		certificate x509.Certificate
		says        string
	}{
		"self-signed":   {x509.Certificate{NotAfter: later, IPAddresses: home}, "unknown authority"},
		"without SAN":   {x509.Certificate{NotAfter: later, Subject: pkix.Name{CommonName: "127.0.0.1"}}, "SANs"},
		"another name":  {x509.Certificate{NotAfter: later, DNSNames: []string{"cam.example"}}, "127.0.0.1"},
		"expired":       {x509.Certificate{NotAfter: now.Add(-time.Hour), IPAddresses: home}, "expired"},
		"not yet valid": {x509.Certificate{NotBefore: later, NotAfter: later.Add(1), IPAddresses: home}, "not yet valid"},
	} {
		t.Run(name, func(t *testing.T) {
			url, pin := secureCamera(t, key, tt.certificate, &tls.Config{})
			err := failure(open(t, url, Options{}))
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "--pin sha256:"+pin) ||
				!strings.Contains(err.Error(), "--insecure") {
				t.Errorf("error %v", err)
			}
			colons := ""
			for i := 0; i < len(pin); i += 2 {
				colons += ":" + strings.ToUpper(pin[i:i+2])
			}
			wrong := "sha256:" + strings.Repeat("0", 64)
			for _, o := range []Options{
				{Pins: []string{"sha256:" + pin}}, {Pins: []string{wrong, "SHA256" + colons}}, {Insecure: true},
			} {
				equal(t, collect(t, open(t, url, o), 1), pic)
			}
			err = failure(open(t, url, Options{Pins: []string{wrong}}))
			if err == nil || !strings.Contains(err.Error(), "another than --pin names: it has sha256:"+pin) {
				t.Errorf("with a wrong pin: error %v", err)
			}
		})
	}
	for _, bad := range []string{"", "sha256:", "sha256:12", "sha1:" + strings.Repeat("0", 64), strings.Repeat("x", 64)} {
		_, err := Open("https://camera/", Options{Pins: []string{bad}})
		if err == nil || !strings.Contains(err.Error(), "sha256: and 64") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := Open("https://camera/", Options{Insecure: true, Pins: []string{strings.Repeat("0", 64)}}); err == nil {
		t.Error("--insecure and --pin together")
	}
}

// Old cameras need --old-tls, and the error says so.
func TestCameraOldTLS(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]*tls.Config{
		"TLS 1.0":          {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10},
		"TLS 1.1":          {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"RSA key exchange": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}},
		"3DES":             {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}},
		"RC4":              {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := secureCamera(t, key, x509.Certificate{NotAfter: time.Now().Add(time.Hour)}, config)
			if err := failure(open(t, url, Options{Insecure: true})); err == nil || !strings.Contains(err.Error(), "--old-tls") {
				t.Errorf("error %v", err)
			}
			equal(t, collect(t, open(t, url, Options{Insecure: true, OldTLS: true}), 2), bytesRepeated(street(t)[4], 2)...)
		})
	}
}

// Cameras are reached through a proxy, if the environment names one: by the whole URL, or by CONNECT for https.
func TestCameraProxy(t *testing.T) {
	pic := street(t)[4]
	plain := httptest.NewServer(answer{kind: "image/jpeg", body: pic})
	defer plain.Close()
	secure := httptest.NewTLSServer(answer{kind: "image/jpeg", body: pic})
	defer secure.Close()
	asked := make(chan string, 10)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				asked <- r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization")
				far, err := net.Dial("tcp", r.Host)
				if err != nil {
					return
				}
				defer far.Close()
				if r.Method == http.MethodConnect {
					fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
				} else {
					r.Write(far)
				}
				go io.Copy(far, in)
				io.Copy(conn, far)
			}()
		}
	}()
	for address, want := range map[string]string{
		plain.URL + "/a":  "GET " + plain.URL + "/a Basic dTpw",
		secure.URL + "/b": "CONNECT " + strings.TrimPrefix(secure.URL, "https://") + " Basic dTpw",
	} {
		src := open(t, address, Options{Insecure: strings.HasPrefix(address, "https")}).(*camera)
		src.lines.through = http.ProxyURL(&url.URL{Scheme: "http", User: url.UserPassword("u", "p"), Host: l.Addr().String()})
		equal(t, collect(t, src, 1), pic)
		if got := <-asked; got != want {
			t.Errorf("the proxy was asked %q, want %q", got, want)
		}
	}
}
