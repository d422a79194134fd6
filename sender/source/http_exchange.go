package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// An exchange sends requests to cameras and reads their answers: below [http.Client], which follows redirects and keeps
// cookies, it takes the place of [http.Transport]. That one refuses what many cameras write and curl, ffmpeg and browsers
// read: lines without a name, lengths that are empty or differ, codings it does not know. And it logs by itself what it
// finds between two answers, picture data included.
//
// One connection is kept for the next request. It is used again only if its last answer ended where it said. The memory of
// an answer's header is bounded, and nothing else is kept.
type exchange struct {
	dialer
	idle  atomic.Pointer[line]
	alone atomic.Bool // the camera has sent stray bytes behind an answer: each request gets a connection of its own
	short atomic.Bool // the camera gives lengths that are too small: its answers end where the connection ends
}

// A line is a connection to a camera, or to a proxy before it.
type line struct {
	conn  net.Conn
	in    *bufio.Reader
	route route
	used  bool // an answer has been read
}

// errUsed means that something came that was no answer, on a connection that had brought an answer before.
var errUsed = errors.New("what has come is no answer")

// RoundTrip sends a request and returns the answer, as [http.RoundTripper] says.
func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	to, err := e.routeOf(req)
	if err != nil {
		return nil, err
	}
	l := e.idle.Swap(nil)
	if l != nil && (l.route != to || e.alone.Load()) {
		l.conn.Close()
		l = nil
	}
	for {
		if l == nil {
			if l, err = e.open(req.Context(), to); err != nil {
				return nil, err
			}
		}
		res, err := e.ask(l, req)
		if err == nil {
			return res, nil
		}
		l.conn.Close()
		if !l.used || req.Context().Err() != nil {
			return nil, err
		}
		if err == errUsed {
			e.alone.Store(true)
		}
		l = nil // it was idle, and the camera has ended it meanwhile
	}
}

// ask sends a request and reads the header of its answer.
func (e *exchange) ask(l *line, req *http.Request) (*http.Response, error) {
	stop := context.AfterFunc(req.Context(), func() { l.conn.Close() })
	if err := l.send(req); err != nil {
		stop()
		return nil, err
	}
	h, err := readAnswerHead(l.in, l.used)
	if err != nil {
		stop()
		if err == io.EOF {
			err = errHungUp
		}
		return nil, err
	}
	if to := h.fields.Get("Location"); to != "" {
		h.fields.Set("Location", mendedLocation(to))
	}
	b := newBody(l.in, h, e.short.Load())
	b.ctx = req.Context()
	keep := h.version == "1.1" && !hasToken(h.fields, "Connection", "close") || hasToken(h.fields, "Connection", "keep-alive")
	b.close = func(b *body) error {
		if !stop() || !keep || !b.finished() {
			return l.conn.Close()
		}
		l.used = true
		if before := e.idle.Swap(l); before != nil {
			before.conn.Close()
		}
		return nil
	}
	length := int64(-1)
	if !b.chunked {
		length = b.left
	}
	return &http.Response{StatusCode: h.status, Header: h.fields, Body: b, ContentLength: length, Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

// send sends a request in one piece: some cameras read no more than that.
func (l *line) send(req *http.Request) error {
	out := bufio.NewWriter(l.conn)
	write := req.Write
	if l.route.absolute {
		write = req.WriteProxy
	}
	if err := write(out); err != nil {
		return err
	}
	return out.Flush()
}

// CloseIdleConnections is what [http.Client] calls at the end.
func (e *exchange) CloseIdleConnections() {
	if l := e.idle.Swap(nil); l != nil {
		l.conn.Close()
	}
}

// mendedLocation returns an address to which a camera redirects so that it can be parsed.
func mendedLocation(location string) string {
	var b strings.Builder
	for i := 0; i < len(location); i++ {
		c := location[i]
		if c <= ' ' || c >= 0x7F || c == '%' && !isEscape(location[i:]) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// isEscape reports whether text begins with a percent sign and two hexadecimal digits.
func isEscape(text string) bool {
	const digits = "0123456789abcdefABCDEF"
	return len(text) > 2 && strings.IndexByte(digits, text[1]) >= 0 && strings.IndexByte(digits, text[2]) >= 0
}
