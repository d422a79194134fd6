package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// A socket is the outlet to a page: a WebSocket, on which pictures leave as they do to other viewers, in one writev of
// bytes that all share. The library shakes hands, reads, and writes all else.
type socket struct {
	*ownOutlet
	messages *websocket.Conn
	timeout  time.Duration // of a write
	wake     chan struct{} // tells the viewer that what follows has changed

	mu     sync.Mutex
	window window
	rate   int   // pictures a second at most; 0 is all
	gone   error // why the page is
}

// serveSocket writes the pictures of f to a page, see message.go. The page, which is of another site if the Origin is not
// this Host, is refused then.
func (h *Hub) serveSocket(w http.ResponseWriter, r *http.Request, f *feed) {
	h.serveViewer(w, r, f, func(v *viewer) (outlet, func() error, error) {
		s := &socket{timeout: h.config.StallTimeout, wake: make(chan struct{}, 1)}
		var err error
		s.messages, err = websocket.Accept(&takeover{w, s}, r, nil)
		if err != nil {
			return nil, nil, err
		}
		s.messages.SetReadLimit(maxMessage)
		return s, func() error { return v.follow(s) }, nil
	})
}

// A takeover gives the WebSocket library the connection to the page, and keeps hold of it for the pictures.
type takeover struct {
	http.ResponseWriter
	socket *socket
}

// Hijack implements [http.Hijacker].
func (t *takeover) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if tcp := tcpConn(conn); tcp != nil {
		limitUnsent(tcp)
	}
	t.socket.ownOutlet = &ownOutlet{conn: conn, framing: messageFraming}
	const longest = 64 // bytes that the library writes: control messages and clock's
	talk := talk{conn, t.socket}
	return talk, bufio.NewReadWriter(buffered.Reader, bufio.NewWriterSize(talk, longest)), nil
}

// talk is the connection as the library has it: what it writes does not come between a picture's bytes.
type talk struct {
	net.Conn
	socket *socket
}

func (t talk) Write(b []byte) (int, error) {
	t.socket.writing.Lock()
	defer t.socket.writing.Unlock()
	t.SetWriteDeadline(time.Now().Add(t.socket.timeout))
	return t.Conn.Write(b)
}

// write implements [outlet].
func (s *socket) write(p *part, deadline time.Time) (int64, error) {
	s.mu.Lock()
	s.window.sent(p.number, time.Now())
	s.mu.Unlock()
	return s.ownOutlet.write(p, deadline)
}

// listen takes in what the page says until it is gone.
func (s *socket) listen() {
	err := s.hear()
	s.mu.Lock()
	s.gone = err
	s.mu.Unlock()
	s.signal()
	s.abort() // what is being written may wait for somebody who does not read
}

func (s *socket) hear() error {
	var b [maxMessage]byte
	for {
		_, reader, err := s.messages.Reader(context.Background())
		if err != nil {
			return err
		}
		n, err := io.ReadFull(reader, b[:])
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return err
		}
		m, err := parsePageMessage(b[:n])
		if err != nil {
			return err
		}
		if err := s.heed(m, time.Now()); err != nil {
			return err
		}
	}
}

func (s *socket) heed(m pageMessage, now time.Time) error {
	if m.kind == messageClock {
		return s.messages.Write(context.Background(), websocket.MessageBinary, appendClockMessage(nil, m.echo, now))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.kind {
	case messageTaken:
		s.window.taken(m.number, m.held, now)
	case messageRate:
		s.rate = m.rate
	}
	s.signal()
	return nil
}

func (s *socket) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// abort implements [outlet].
func (s *socket) abort() { s.messages.CloseNow() }

// close implements [outlet].
func (s *socket) close(stalled bool) {
	s.ownOutlet.close(stalled)
	s.messages.CloseNow()
}

// follow writes pictures to a page, each the newest when the page is ready for it, and returns why it no longer does.
func (v *viewer) follow(s *socket) error {
	var listening sync.WaitGroup
	listening.Go(s.listen)
	defer listening.Wait()
	defer s.abort()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last *part
	for {
		it, now := v.feed.newest.Load(), time.Now()
		if v.ended.Load() { // looked at after newest: whoever sets it replaces newest then
			return errEnded
		}
		newer, wait, err := s.ready(it.part, last, it.seq != v.seen, now)
		if err != nil {
			return err
		}
		if wait == 0 {
			last = it.part
			if err := v.write(it.part, it.seq); err != nil {
				return err
			}
			continue
		}
		timer.Reset(wait)
		over := it.over
		if !newer {
			over = nil
		}
		select {
		case <-over:
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// ready returns for how long the page is not to be sent p, 0 if it is now, and whether a newer picture makes a difference
// meanwhile. last is what was sent before, fresh whether p is another. The error says that the page has gone or stalled.
func (s *socket) ready(p, last *part, fresh bool, now time.Time) (newer bool, wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		return false, 0, fmt.Errorf("%w: %w", errLeft, s.gone)
	}
	wait = time.Hour
	if since, ok := s.window.waiting(); ok {
		if wait = since.Add(s.timeout).Sub(now); wait <= 0 {
			return false, 0, errStalled
		}
	}
	if p == nil || !fresh {
		return true, wait, nil
	}
	interval := p.interval
	if s.rate > 0 {
		interval = max(interval, time.Second/time.Duration(s.rate))
	}
	if !s.window.open(interval) {
		return false, wait, nil
	}
	if s.rate > 0 && last != nil && p.came.Sub(last.came) < interval*9/10 {
		// One too many; but if it is the stream's last for now, it is not kept back.
		if late := last.came.Add(2 * interval).Sub(now); late > 0 {
			return true, min(wait, late), nil
		}
	}
	return true, 0, nil
}
