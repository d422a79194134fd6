package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"udpcam/internal/guard"
)

// A pageSocket is the WebSocket to a page. A picture leaves on it in one writev, of bytes that all viewers share. The
// library does the rest: the handshake, reading, and writing everything else.
type pageSocket struct {
	*hijacked
	library *websocket.Conn
	feed    *feed
	timeout time.Duration // of a write
	changed chan struct{} // gets a value when the page has sent a message
	reading sync.WaitGroup

	mu     sync.Mutex
	flight flights
	pace   pace
	gone   error     // why the page has gone, nil if it has not
	heard  time.Time // when it sent a message last

	viewer *viewer
}

// serveSocket sends the pictures of f to a page, see page_message.go. It refuses pages of other sites, but for those that
// are allowed.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, f *feed) {
	if status, why := s.gate.CheckPage(r); status != 0 && !s.origins.allows(r.Header.Get("Origin")) {
		http.Error(w, why, status)
		return
	}
	s.serveViewer(w, r, f, func(v *viewer) (connection, error) {
		page := &pageSocket{feed: f, timeout: s.config.StallTimeout, changed: make(chan struct{}, 1), viewer: v, heard: time.Now()}
		options := websocket.AcceptOptions{InsecureSkipVerify: true} // the Origin is right
		var err error
		if page.library, err = websocket.Accept(&takeover{w, page}, r, &options); err != nil {
			return nil, errors.New("the request for a WebSocket is not valid")
		}
		page.library.SetReadLimit(maxMessage)
		page.reading.Go(page.read)
		v.changed = page.changed
		return page, nil
	})
}

// A takeover gives the connection to the library, and also keeps it, to send pictures.
type takeover struct {
	http.ResponseWriter
	page *pageSocket
}

func (t *takeover) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	guard.LimitUnsent(conn, t.page.timeout)
	t.page.hijacked = &hijacked{conn: conn, framing: messageFraming}
	const longest = 64 // bytes that the library writes: control messages and the clock's
	between := betweenPictures{conn, t.page}
	return between, bufio.NewReadWriter(buffered.Reader, bufio.NewWriterSize(between, longest)), nil
}

// betweenPictures is the connection that the library writes to. It keeps the library's bytes out of the middle of a
// picture.
type betweenPictures struct {
	net.Conn
	page *pageSocket
}

func (b betweenPictures) Write(data []byte) (int, error) {
	b.page.writing.Lock()
	defer b.page.writing.Unlock()
	const closing = 0x88 // a close frame's first byte: RFC 6455, section 5.5.1
	b.page.ended = b.page.ended || data[0] == closing
	b.SetWriteDeadline(time.Now().Add(b.page.timeout))
	return b.Conn.Write(data)
}

// read reads the page's messages until the page is gone.
func (p *pageSocket) read() {
	var err error
	for err == nil {
		err = p.readMessage()
	}
	p.mu.Lock()
	p.gone = err
	p.mu.Unlock()
	p.signal()
	p.abort() // a write may wait for a page that does not read
}

// readMessage reads one message and acts on it. Its errors are in plain words for the log, unlike the library's.
func (p *pageSocket) readMessage() error {
	var b [maxMessage]byte
	_, reader, err := p.library.Reader(context.Background())
	if err != nil {
		return errLeft
	}
	n, err := io.ReadFull(reader, b[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return errLeft
	}
	m, err := parsePageMessage(b[:n])
	if err != nil {
		return err
	}
	now := time.Now()
	p.mu.Lock()
	p.heard = now
	switch m.kind {
	case messageTaken:
		p.flight.landed(m.number, m.held, now)
		p.viewer.waiting.Store(p.flight.oldest())
	case messageRate:
		p.pace = pace{rate: float64(m.rate)}
	case messageWay:
		p.viewer.elsewhere.Store(m.on)
		p.viewer.saw(m.shown, m.bytes, now)
	}
	p.mu.Unlock()
	p.signal()
	if m.kind != messageClock {
		return nil
	}
	return p.library.Write(context.Background(), websocket.MessageBinary, appendClockMessage(nil, p.feed, m.echo, now, now))
}

func (p *pageSocket) signal() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *pageSocket) write(picture *part, deadline time.Time) (int64, error) {
	p.mu.Lock()
	p.flight.left(picture.number, time.Now())
	p.pace.sent(picture)
	p.mu.Unlock()
	return p.hijacked.write(picture, deadline)
}

func (p *pageSocket) abort() { p.library.CloseNow() }

func (p *pageSocket) close(stalled bool) {
	p.hijacked.close(stalled)
	p.library.CloseNow()
	p.reading.Wait()
}

// ready allows the next picture when the page has taken the one before. On a long round trip it allows as many at a time as
// fit. It never allows more a second than the page asked for. A page that takes pictures elsewhere has stalled when it says
// nothing any more.
func (p *pageSocket) ready(picture *part, now time.Time) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := time.Hour
	if p.gone != nil {
		return wait, p.gone
	}
	if len(p.flight.all) > 0 {
		if wait = p.flight.all[0].at.Add(p.timeout).Sub(now); wait <= 0 {
			return wait, errStalled
		}
	}
	if p.viewer.elsewhere.Load() {
		if wait = min(wait, p.heard.Add(p.timeout).Sub(now)); wait <= 0 {
			return wait, errStalled
		}
	}
	if picture == nil {
		return wait, nil
	}
	if !p.flight.room(max(picture.interval, p.pace.interval())) {
		return wait, nil
	}
	return min(wait, p.pace.wait(picture, now)), nil
}
