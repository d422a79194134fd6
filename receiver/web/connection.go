package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"udpcam/internal/guard"
)

// A connection is the way to one viewer. Only abort may be called while another method runs.
type connection interface {
	// ready returns how long to wait until p may be written, 0 if it may be now. p is nil if the viewer has all pictures.
	// The error says that the viewer has left or stalled.
	ready(p *part, now time.Time) (wait time.Duration, err error)
	// write writes a picture with what belongs before and behind it. At the deadline it gives up with
	// os.ErrDeadlineExceeded.
	write(p *part, deadline time.Time) (int64, error)
	// abort makes write return, if it can.
	abort()
	// close ends the response. What is still queued for a viewer that has stalled is discarded.
	close(stalled bool)
}

// newConnection begins a multipart response: it writes the header and what comes before the first picture.
func newConnection(w http.ResponseWriter, r *http.Request, f *framing, timeout time.Duration) (connection, error) {
	control := http.NewResponseController(w)
	conn, _, err := control.Hijack()
	switch {
	case errors.Is(err, http.ErrNotSupported):
		return newUnhijacked(w, r, control, f, timeout)
	case err != nil:
		return nil, fmt.Errorf("web: taking over the connection: %w", err)
	}
	guard.LimitUnsent(conn, timeout)
	return newHijacked(conn, w.Header(), f, timeout)
}

// lookEvery is how often the server checks whether the viewer of a quiet stream is still there.
const lookEvery = time.Second

// hijacked is a connection that was taken over from the HTTP server.
type hijacked struct {
	conn    net.Conn
	framing *framing
	looked  time.Time  // when the viewer was last seen to be there
	writing sync.Mutex // keeps pictures whole when others write to conn too
	ended   bool       // nothing may follow: the WebSocket's end has been written
	pieces  [3][]byte
	buffers net.Buffers // the pieces to write; a field, so that writing allocates nothing
	scratch [512]byte
}

func newHijacked(conn net.Conn, header http.Header, f *framing, timeout time.Duration) (*hijacked, error) {
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
	return &hijacked{conn: conn, framing: f, looked: time.Now()}, nil
}

func (h *hijacked) ready(p *part, now time.Time) (time.Duration, error) {
	if p != nil {
		h.looked = now
		return 0, nil
	}
	if now.Sub(h.looked) >= lookEvery {
		if h.looked = now; !h.alive() {
			return 0, errLeft
		}
	}
	return lookEvery, nil
}

// alive reports whether the viewer still has its side open. It ignores any bytes that the viewer sends.
func (h *hijacked) alive() bool {
	h.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	for {
		if _, err := h.conn.Read(h.scratch[:]); err != nil {
			return errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

func (h *hijacked) write(p *part, deadline time.Time) (int64, error) {
	h.writing.Lock()
	defer h.writing.Unlock()
	if h.ended {
		return 0, errLeft
	}
	h.conn.SetWriteDeadline(deadline)
	h.buffers = h.framing.append(h.pieces[:0], p)
	written, err := h.buffers.WriteTo(h.conn) // one writev where conn is a TCP connection
	h.pieces = [3][]byte{}                    // a viewer that waits holds no picture
	return written, err
}

func (h *hijacked) abort() { h.conn.Close() }

func (h *hijacked) close(stalled bool) {
	if tcp := guard.TCP(h.conn); tcp != nil && stalled {
		tcp.SetLinger(0)
	}
	h.conn.Close()
}

// unhijacked writes through the HTTP server, for HTTP/2, where several requests share a connection, and for middleware that
// hides the connection.
type unhijacked struct {
	request context.Context
	w       http.ResponseWriter
	control *http.ResponseController
	framing *framing
}

func newUnhijacked(w http.ResponseWriter, r *http.Request, control *http.ResponseController, f *framing,
	timeout time.Duration) (connection, error) {

	control.SetWriteDeadline(time.Now().Add(timeout))
	if err := control.Flush(); err != nil {
		http.Error(w, "this server cannot stream", http.StatusInternalServerError)
		return nil, fmt.Errorf("web: the HTTP server, or a middleware, does not let a stream through: %w", err)
	}
	_, err := w.Write(f.opening)
	if err == nil {
		err = control.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("web: beginning the stream: %w", err)
	}
	return &unhijacked{r.Context(), w, control, f}, nil
}

// ready need not check for the viewer: when the viewer leaves, the HTTP server ends the request's context.
func (u *unhijacked) ready(p *part, _ time.Time) (time.Duration, error) {
	if p != nil {
		return 0, nil
	}
	return time.Hour, nil
}

func (u *unhijacked) write(p *part, deadline time.Time) (int64, error) {
	u.control.SetWriteDeadline(deadline) // if deadlines are not supported, the server's own WriteTimeout counts
	buffers := u.framing.append(nil, p)
	n, err := buffers.WriteTo(u.w)
	if err == nil {
		err = u.control.Flush()
	}
	if err == nil {
		guard.Moved(u.request, 0)
	}
	return n, err
}

// abort leaves it to the server to close the connection.
func (u *unhijacked) abort() {}

func (u *unhijacked) close(bool) { u.control.SetWriteDeadline(time.Time{}) }
