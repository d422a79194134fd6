package source

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// Whatever a camera answers is read in bounded memory and time, and never gives more than came.
func FuzzAnswer(f *testing.F) {
	for _, answer := range answersOf([]byte("\xff\xd8" + strings.Repeat("x", 600) + "\xff\xd9")) {
		f.Add([]byte(answer), true)
	}
	f.Add([]byte("HTTP/1.1 100\r\n\r\nHTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\nfffffffffffffff\r\n"),
		false)
	f.Fuzz(func(t *testing.T, answer []byte, used bool) {
		answer = answer[:min(len(answer), 20_000)]
		bound := fuzzcost.Bound{Bytes: 256 << 10, Time: 2 * time.Millisecond}.Plus(len(answer), 64, 2*time.Microsecond)
		fuzzcost.Check(t, bound, func() {
			in := bufio.NewReaderSize(bytes.NewReader(answer), maxCameraHeader)
			h, err := readAnswerHead(in, used)
			if err != nil {
				return
			}
			if h.status < 100 || h.status > 999 {
				t.Errorf("status %d", h.status)
			}
			b := newBody(in, h, false)
			if n, _ := io.Copy(io.Discard, b); n > int64(len(answer)) {
				t.Errorf("%d bytes of %d", n, len(answer))
			}
			b.finished()
			kindOf(h.fields)
			if to, err := url.Parse(mendedLocation(h.fields.Get("Location"))); err == nil {
				_ = to.String()
			}
		})
	})
}

// Whatever a camera demands is read, and an answer to it is a header that can be sent.
func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="cam", nonce="n1", qop="auth-int, auth", opaque="", Basic realm="cam"`)
	f.Add("Digest\trealm=\"c\xe9\\\"\", nonce=n, algorithm=SHA-256-sess,,userhash=TRUE")
	f.Add(`NTLM TlRMTVNTUAACAAAA=, Basic, Digest nonce="`)
	req, err := http.NewRequest(http.MethodGet, "http://camera/a?b=c", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		line = printable([]byte(line[:min(len(line), 5000)])) // as readHead leaves it
		bound := fuzzcost.Bound{Bytes: 64 << 10, Time: 2 * time.Millisecond}.Plus(len(line), 256, 5*time.Microsecond)
		fuzzcost.Check(t, bound, func() {
			for _, c := range challengesOf(http.Header{"Www-Authenticate": {line}}) {
				d, err := demandOf(c)
				if err != nil {
					continue
				}
				answer, err := d.answer(req, `a"b`, "c")
				if err != nil || strings.ContainsAny(answer, "\r\n\x00") || !strings.HasPrefix(answer, "Digest username=") {
					t.Errorf("%q: %v", answer, err)
				}
			}
		})
	})
}

// Whatever a poster sends, net/http gets no more than came, and what is right comes through as it is.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("post /a b \r\nX\r\nContent-Length:\r\n\r\nabc"))
	f.Add([]byte("\r\nPUT x HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 1, 2\r\n\r\nabc"))
	f.Fuzz(func(t *testing.T, request []byte) {
		request = request[:min(len(request), 20_000)]
		bound := fuzzcost.Bound{Bytes: 256 << 10, Time: 2 * time.Millisecond}.Plus(len(request), 64, 2*time.Microsecond)
		fuzzcost.Check(t, bound, func() {
			in := bufio.NewReaderSize(bytes.NewReader(request), maxUploadHeader)
			c := &lenientConn{Conn: deaf{}, in: in, refused: deaf{}.refused}
			got, _ := io.ReadAll(c)
			if len(got) > 8*len(request)+4096 {
				t.Errorf("%d bytes of %d", len(got), len(request))
			}
			if end := headEnd.FindIndex(request); end != nil && isRequest(request[:end[1]]) && !bytes.Equal(got, request) {
				t.Errorf("a request that is right became %q", got)
			}
		})
	})
}

// deaf is a connection of which only the address is needed.
type deaf struct{ net.Conn }

func (deaf) LocalAddr() net.Addr           { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (deaf) RemoteAddr() net.Addr          { return deaf{}.LocalAddr() }
func (deaf) refused(net.Addr, int, string) {}
