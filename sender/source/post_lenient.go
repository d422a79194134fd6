package source

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// net/http answers requests that are not quite right by itself: 400, and no handler hears of it. Small cameras send such
// requests: without Host, with a space behind the request line, with a line that is no field, without a length. So uploads
// come over connections that mend the header of such a request, before net/http reads it. Other requests pass unchanged,
// byte for byte.

// lenientListener accepts these connections.
type lenientListener struct {
	net.Listener
	refused func(from net.Addr, status int, why string) // is called for each request that net/http refuses itself
}

func (l lenientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lenientConn{Conn: conn, in: bufio.NewReaderSize(conn, maxUploadHeader), refused: l.refused}, nil
}

// maxUploadHeader is how long the header of a request can be that is put right. net/http refuses longer ones.
const maxUploadHeader = 16 << 10

// A lenientConn is a connection over which a camera uploads.
type lenientConn struct {
	net.Conn
	in       *bufio.Reader
	from     io.Reader // what net/http reads: the header as it should be, and what follows it; nil at first
	unframed bool      // the request does not say how long it is
	wrong    string    // what is wrong with the request, where we know it and net/http does not
	refused  func(from net.Addr, status int, why string)
}

type lenientKey struct{}

// ConnContext is what guard.Serve calls for each connection.
func (p *posts) ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, lenientKey{}, conn)
}

// isUnframed reports whether an upload does not say how long it is.
func isUnframed(r *http.Request) bool {
	c, ok := r.Context().Value(lenientKey{}).(*lenientConn)
	return ok && c.unframed
}

// NetConn returns the connection below, as that of TLS does.
func (c *lenientConn) NetConn() net.Conn { return c.Conn }

func (c *lenientConn) Read(p []byte) (n int, err error) {
	if c.from == nil {
		if c.from, err = c.look(); err != nil {
			return 0, err
		}
	}
	return c.from.Read(p)
}

// look waits for the first header and returns what net/http is to read.
func (c *lenientConn) look() (io.Reader, error) {
	for seen := 0; ; {
		_, err := c.in.Peek(min(seen+1, maxUploadHeader))
		raw, _ := c.in.Peek(c.in.Buffered())
		for seen == 0 && len(raw) > 0 && (raw[0] == '\r' || raw[0] == '\n') {
			c.in.Discard(1)
			raw = raw[1:]
		}
		if seen == 0 && len(raw) > 0 && raw[0] == 0x16 { // a handshake of TLS (RFC 8446, section 5.1)
			c.refused(c.RemoteAddr(), http.StatusBadRequest, "it speaks https, and this port takes http")
			return nil, io.EOF
		}
		const before = 3 // bytes of a blank line that may have been seen
		from := max(0, seen-before)
		end := headEnd.FindIndex(raw[from:])
		seen = len(raw)
		switch {
		case end != nil && !isRequest(raw[:from+end[1]]):
			return c.mended()
		case end != nil || len(raw) == maxUploadHeader:
			return c.in, nil
		case err != nil:
			return nil, err
		}
	}
}

// headEnd matches the blank line behind a header.
var headEnd = regexp.MustCompile(`\r?\n\r*\n`)

// isRequest reports whether net/http can read a request's header, and whether that says how long the body is.
func isRequest(head []byte) bool {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil || r.ProtoAtLeast(1, 1) && r.Host == "" || len(hostField.FindAllIndex(head, 2)) > 1 ||
		!httpguts.ValidHostHeader(r.Host) || r.Method != strings.ToUpper(r.Method) {
		return false
	}
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(strings.Join(values, "")) {
			return false
		}
	}
	hasBody := r.Method == http.MethodPost || r.Method == http.MethodPut
	return !hasBody || r.ContentLength != 0 || r.Header.Get("Content-Length") != ""
}

var hostField = regexp.MustCompile(`(?i)\nhost[ \t]*:`)

// requestLine matches the first line of a request. The address may have spaces in it, and the version may be missing.
var requestLine = regexp.MustCompile(`^\s*([A-Za-z]+)\s+(\S.*?)(?:\s+(?i:HTTP)\S*)?\s*$`)

// mended reads a header and returns one that is right, with the body behind it. A body without a length is put into chunks.
// The connection is for this request alone.
func (c *lenientConn) mended() (io.Reader, error) {
	budget := maxUploadHeader
	first, fields, err := readHead(c.in, &budget)
	if err != nil {
		return nil, err
	}
	m := requestLine.FindStringSubmatch(first)
	if m == nil {
		c.wrong = fmt.Sprintf("what begins with %.40q is no request", first)
		return strings.NewReader(first + "\r\n\r\n"), nil // net/http answers it
	}
	host := fields.Get("Host")
	if !httpguts.ValidHostHeader(host) || host == "" {
		host = c.LocalAddr().String()
	}
	length, chunked := lengthOf(fields), hasToken(fields, "Transfer-Encoding", "chunked")
	for _, hop := range []string{"Host", "Content-Length", "Transfer-Encoding", "Connection"} {
		fields.Del(hop)
	}
	for name, values := range fields {
		fields[name] = values[:1]
	}
	target := mendedLocation(m[2])
	if !strings.HasPrefix(target, "/") && !strings.Contains(target, "://") {
		target = "/" + target
	}
	head := &bytes.Buffer{}
	fmt.Fprintf(head, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", strings.ToUpper(m[1]), target, host)
	fields.Write(head)
	var rest io.Reader = c.in
	switch {
	case chunked:
		head.WriteString("Transfer-Encoding: chunked\r\n")
	case length >= 0:
		fmt.Fprintf(head, "Content-Length: %d\r\n", length)
	default:
		head.WriteString("Transfer-Encoding: chunked\r\n")
		rest = &chunking{in: c.in}
		c.unframed = true
	}
	head.WriteString("\r\n")
	return io.MultiReader(head, rest), nil
}

// chunking puts what it reads into chunks (RFC 9112, section 7.1).
type chunking struct {
	in   *bufio.Reader
	out  bytes.Buffer
	over bool
}

func (c *chunking) Read(p []byte) (int, error) {
	if c.out.Len() == 0 {
		if c.over {
			return 0, io.EOF
		}
		_, err := c.in.Peek(1)
		if err != nil && err != io.EOF {
			return 0, err
		}
		piece, _ := c.in.Peek(c.in.Buffered())
		c.over = len(piece) == 0
		fmt.Fprintf(&c.out, "%x\r\n%s\r\n", len(piece), piece)
		c.in.Discard(len(piece))
	}
	return c.out.Read(p)
}

// Write looks for refusals of net/http. They have no date, which all other answers have.
func (c *lenientConn) Write(p []byte) (int, error) {
	if m := ownRefusal.FindSubmatch(p); m != nil && !bytes.Contains(p, []byte("\r\nDate: ")) {
		status, _ := strconv.Atoi(string(m[1]))
		c.refused(c.RemoteAddr(), status, cmp.Or(c.wrong, string(m[2])))
	}
	return c.Conn.Write(p)
}

// ownRefusal matches an answer with status 400 or above. What is wrong stands behind the status.
var ownRefusal = regexp.MustCompile(`^HTTP/1\.[01] ([45]\d\d) ([^\r\n]*)`)
