package source

import (
	"bytes"
	"context"
	"net"
)

// dial connects to a camera. Cameras with GoAhead's server write the date without a name into their header, and net/http
// takes no such header. If this is one of them, lines that are no header fields are left out.
func (c *camera) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.connect(ctx, network, address)
	if err != nil || !c.tolerant.Load() {
		return conn, err
	}
	return &tolerant{Conn: conn}, nil
}

// tolerant is a connection for one answer. Of the answer's header, it leaves out lines without a colon.
type tolerant struct {
	net.Conn
	begun bool   // whether the header has been read
	rest  []byte // of the answer, read and not handed on
}

func (t *tolerant) Read(p []byte) (n int, err error) {
	for b := make([]byte, 4<<10); !t.begun; {
		n, err := t.Conn.Read(b)
		t.rest = append(t.rest, b[:n]...)
		end := bytes.Index(t.rest, []byte("\r\n\r\n"))
		encrypted := n > 0 && t.rest[0] != 'H' // which begins HTTP/1.1
		if t.begun = end >= 0 || err != nil || encrypted || len(t.rest) > maxCameraHeader; end >= 0 && !encrypted {
			t.rest = append(mended(t.rest[:end+2]), t.rest[end+2:]...)
		}
	}
	if len(t.rest) > 0 {
		n = copy(p, t.rest)
		t.rest = t.rest[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}

// mended returns a header without its lines that are no fields. A field's name has no spaces.
func mended(header []byte) (fields []byte) {
	for line := range bytes.Lines(header) {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if fields == nil || ok && len(name) > 0 && !bytes.ContainsAny(name, " \t,") {
			fields = append(fields, line...)
		}
	}
	return fields
}
