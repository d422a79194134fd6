package datachannel_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v3"

	"udpcam/internal/datachannel"
	"udpcam/internal/fuzzcost"
	"udpcam/protocol"
)

// offer is what Chromium offers, shortened.
const offer = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n" +
	"a=msid-semantic: WMS\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:4ZcD\r\n" +
	"a=ice-pwd:2/1muCWoOi3uLifh0NuRHlUr\r\na=ice-options:trickle\r\na=fingerprint:sha-256 75:74:5A:A6:A4:E5:52:F4:A7:67:4C:01:C7:" +
	"EE:91:3F:21:3D:A2:E3:53:7B:6F:30:86:F2:30:FF:A6:22:D9:35\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n" +
	"a=max-message-size:262144\r\n"

// field returns what stands behind a name in SDP.
func field(t *testing.T, sdp []byte, name string) string {
	t.Helper()
	for line := range strings.Lines(string(sdp)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no %s in %s", name, sdp)
	return ""
}

func TestOffers(t *testing.T) {
	conn := listen(t, datachannel.Config{})
	answer, err := conn.Answer([]byte(offer), netip.MustParseAddr("fe80::1%eth0"))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("1 1 udp 2130706431 fe80::1 %d typ host", conn.LocalAddr().Port())
	if got := field(t, answer, "a=candidate"); got != want {
		t.Errorf("candidate %s, want %s", got, want)
	}
	for name, bad := range map[string]string{
		"nothing":           "",
		"a picture":         "\xff\xd8\xff\xe0",
		"no user":           strings.Replace(offer, "a=ice-ufrag:4ZcD\r\n", "", 1),
		"a line in the mid": strings.Replace(offer, "a=mid:0", "a=mid:0\ra=x", 1),
		"another mid":       strings.Replace(offer, "a=mid:0", "a=mid:<b>", 1),
		"no fingerprint":    strings.Replace(offer, "sha-256", "sha-1", 1),
		"video":             strings.Replace(offer, "m=application", "m=video", 1),
		"two sections":      offer + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
		"too long":          offer + strings.Repeat("a=x\r\n", datachannel.MaxOffer/5),
	} {
		if answer, err := conn.Answer([]byte(bad), loopback); err == nil {
			t.Errorf("%s: answered %s", name, answer)
		}
	}
}

// A stranger is somebody who knows the port.
type stranger struct {
	t    *testing.T
	conn net.Conn
}

func newStranger(t *testing.T, to netip.AddrPort) stranger {
	t.Helper()
	conn, err := net.Dial("udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return stranger{t, conn}
}

// answered reports whether a packet is answered.
func (s stranger) answered(b []byte) bool {
	s.t.Helper()
	if _, err := s.conn.Write(b); err != nil {
		s.t.Fatal(err)
	}
	s.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, err := s.conn.Read(make([]byte, 1500))
	return err == nil
}

// check makes a connectivity check.
func check(user, password string) []byte {
	return stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(user),
		stun.NewShortTermIntegrity(password), stun.Fingerprint).Raw
}

// Nobody is answered who does not know what a page was told over HTTP.
func TestStrangersAreNotAnswered(t *testing.T) {
	conn := listen(t, datachannel.Config{})
	answer, err := conn.Answer([]byte(offer), loopback)
	if err != nil {
		t.Fatal(err)
	}
	user, password := field(t, answer, "a=ice-ufrag"), field(t, answer, "a=ice-pwd")
	s := newStranger(t, conn.LocalAddr())
	for name, packet := range map[string][]byte{
		"another password": check(user+":4ZcD", "x"+password[1:]),
		"another user":     check("x"+user[1:]+":4ZcD", password),
		"another browser":  check(user+":4ZcE", password),
		"no password":      stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(user+":4ZcD")).Raw,
		"no user":          stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw,
		"an answer":        stun.MustBuild(stun.TransactionID, stun.BindingSuccess, stun.NewShortTermIntegrity(password)).Raw,
		"DTLS":             {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0},
		"a datagram":       bytes.Repeat([]byte{0xca}, 1372),
		"nothing":          {},
	} {
		if s.answered(packet) {
			t.Errorf("%s: was answered", name)
		}
	}
	if got := conn.Stats().Refused; got != 8 { // an empty packet is none
		t.Errorf("%d packets were refused, not 8", got)
	}
	if !s.answered(check(user+":4ZcD", password)) {
		t.Error("the right check was not answered") // so the others were not just too early
	}
}

// Who knows the answer but has not made the offer has another certificate.
func TestAnotherCertificate(t *testing.T) {
	conn := listen(t, datachannel.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	c, err := datachannel.Dial(ctx, func(own []byte) ([]byte, error) {
		sum := field(t, own, "a=fingerprint")
		return conn.Answer(bytes.Replace(own, []byte(sum), []byte(field(t, []byte(offer), "a=fingerprint")), 1), loopback)
	})
	if err == nil {
		c.Close()
		t.Error("it was let in")
	}
}

// If all places are taken, a newcomer gets one of those who have most.
func TestPlaces(t *testing.T) {
	conn := listen(t, datachannel.Config{MaxPeers: 2})
	for i := range 2 {
		say(t, dial(t, conn), netip.AddrPort{}, conn, fmt.Sprint("from ", i))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	c, err := datachannel.Dial(ctx, func(offer []byte) ([]byte, error) { return conn.Answer(offer, loopback) })
	if err == nil {
		c.Close()
		t.Error("a third of the same address was let in")
	}
}

// Nothing is left of browsers that have left, with or without a word.
func TestNothingIsLeft(t *testing.T) {
	conn := listen(t, datachannel.Config{})
	before := runtime.NumGoroutine()
	for i := range 3 {
		c := dial(t, conn)
		from := say(t, c, netip.AddrPort{}, conn, fmt.Sprint("from ", i))
		c.Close()
		for range 10 {
			conn.Send(from, []protocol.Datagram{{[]byte("a"), []byte("b")}})
		}
	}
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, there were %d: %s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
		}
	}
}

// FuzzOffer gives Answer anything. What it answers has no line that the offer brought in.
func FuzzOffer(f *testing.F) {
	f.Add([]byte(offer))
	conn, err := datachannel.Listen(f.Context(), "127.0.0.1:0", datachannel.Config{})
	if err != nil {
		f.Fatal(err)
	}
	defer conn.Close()
	own, err := conn.Answer([]byte(offer), loopback)
	if err != nil {
		f.Fatal(err)
	}
	lines := bytes.Count(own, []byte("\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzcost.Check(t, fuzzcost.Bound{Bytes: 64 << 10, Time: time.Millisecond}.Plus(len(b), 16, time.Microsecond), func() {
			answer, err := conn.Answer(b, loopback)
			if err == nil && (bytes.Count(answer, []byte("\n")) != lines || bytes.Count(answer, []byte("\r")) != lines) {
				t.Errorf("%q was answered with %q", b, answer)
			}
		})
	})
}

// FuzzPackets sends a port anything. A browser that is connected is not disturbed.
func FuzzPackets(f *testing.F) {
	conn, err := datachannel.Listen(f.Context(), "127.0.0.1:0", datachannel.Config{})
	if err != nil {
		f.Fatal(err)
	}
	defer conn.Close()
	answer, err := conn.Answer([]byte(offer), loopback)
	if err != nil {
		f.Fatal(err)
	}
	var user, password string
	for line := range strings.Lines(string(answer)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "a=ice-ufrag":
			user = value
		case "a=ice-pwd":
			password = value
		}
	}
	f.Add(check(user+":4ZcD", password))
	f.Add([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0})
	to, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		f.Fatal(err)
	}
	defer to.Close()
	browser, err := datachannel.Dial(f.Context(), func(offer []byte) ([]byte, error) { return conn.Answer(offer, loopback) })
	if err != nil {
		f.Fatal(err)
	}
	defer browser.Close()
	f.Fuzz(func(t *testing.T, b []byte) {
		to.Write(b)
		say(t, browser, netip.AddrPort{}, conn, "still here")
		if runtime.NumGoroutine() > 200 {
			t.Fatal("goroutines are left")
		}
	})
}
