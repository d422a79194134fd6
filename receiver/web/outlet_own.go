package web

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// ownOutlet writes to a connection that has been taken over from the HTTP server.
type ownOutlet struct {
	conn    net.Conn
	framing *framing
	writing sync.Mutex // a picture leaves whole, whoever else writes to conn
	pieces  [3][]byte
	buffers net.Buffers // of pieces; a field, so that writing allocates nothing
	scratch [512]byte
}

func newOwnOutlet(conn net.Conn, header http.Header, f *framing, timeout time.Duration) (outlet, error) {
	o := &ownOutlet{conn: conn, framing: f}
	if tcp := tcpConn(conn); tcp != nil {
		limitUnsent(tcp)
	}
	header.Set("Connection", "close")
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	header.Write(&head) // writes to memory do not fail
	head.WriteString("\r\n")
	head.Write(f.opening)
	conn.SetWriteDeadline(time.Now().Add(timeout))
	if _, err := conn.Write(head.Bytes()); err != nil {
		conn.Close()
		return nil, fmt.Errorf("web: writing the response header: %w", err)
	}
	return o, nil
}

func (o *ownOutlet) write(p *part, deadline time.Time) (int64, error) {
	o.writing.Lock()
	defer o.writing.Unlock()
	o.conn.SetWriteDeadline(deadline)
	var n int
	o.pieces, n = o.framing.pieces(p)
	o.buffers = o.pieces[:n]
	written, err := o.buffers.WriteTo(o.conn) // one writev where conn is a TCP connection
	o.pieces = [3][]byte{}                    // a viewer that waits holds no picture
	return written, err
}

// alive looks whether the viewer has closed its side. What it sends is of no interest.
func (o *ownOutlet) alive() bool {
	o.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	for {
		if _, err := o.conn.Read(o.scratch[:]); err != nil {
			return errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

func (o *ownOutlet) abort() { o.conn.Close() }

func (o *ownOutlet) close(stalled bool) {
	if tcp := tcpConn(o.conn); tcp != nil && stalled {
		tcp.SetLinger(0)
	}
	o.conn.Close()
}

// tcpConn returns the TCP connection that conn is or that TLS runs on, or nil.
func tcpConn(conn net.Conn) *net.TCPConn {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = over.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}
