package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"udpcam/internal/guard"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// posts is the HTTP handler of an upload. It makes frames of bodies, and answers whether that worked.
type posts struct {
	path   string // "" takes any
	o      Options
	gate   *guard.Gate
	frames chan protocol.Frame // unbuffered: a frame has been taken once it has been sent

	mu    sync.Mutex
	turns map[string]*turn        // by household
	warn  map[int]*rate.Sometimes // when a refusal with this status is logged
}

// A turn is a household's. Of its pictures, one at a time waits for the caller of Frames, so that nobody can crowd out
// others by posting much at a time.
type turn struct {
	lock  chan struct{} // holds a token while a picture waits
	users int           // under the lock of posts
}

// turnOf returns the turn of a household, and what to call when it is no longer needed.
func (p *posts) turnOf(household string) (t *turn, leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t = p.turns[household]; t == nil {
		t = &turn{lock: make(chan struct{}, 1)}
		p.turns[household] = t
	}
	t.users++
	return t, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(p.turns, household)
		}
	}
}

func (p *posts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, text := p.gate.Check(w, r)
	if status == 0 {
		status, text = p.serve(w, r)
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(uploadTime))
	if status == http.StatusOK {
		fmt.Fprintln(w, text)
		return
	}
	http.Error(w, text, status)
	p.refused(r.RemoteAddr, status, text)
}

// refused logs a refusal: one a second of each kind.
func (p *posts) refused(from string, status int, why string) {
	p.mu.Lock()
	warn := p.warn[status]
	if warn == nil {
		warn = &rate.Sometimes{Interval: time.Second}
		p.warn[status] = warn
	}
	p.mu.Unlock()
	warn.Do(func() {
		host, _, _ := net.SplitHostPort(from)
		p.o.Log.Warn("an upload is refused", "from", host, "status", status, "why", why)
	})
}

func (p *posts) serve(w http.ResponseWriter, r *http.Request) (status int, text string) {
	switch {
	case p.path != "" && r.URL.Path != p.path:
		return http.StatusNotFound, "no pictures are taken at this path"
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		w.Header().Set("Allow", "POST, PUT")
		return http.StatusMethodNotAllowed, "POST or PUT a JPEG here"
	}
	n, err := p.accept(w, r)
	switch {
	case err != nil && guard.Lasting(r.Context()).Err() != nil:
		return http.StatusServiceUnavailable, "there are too many uploads, and this was the slowest; or the program ends"
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, err.Error()
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("%v: more than %d bytes", err, p.o.MaxFrameSize)
	case errors.Is(err, ErrNoJPEG), errors.Is(err, errNothingFound):
		return http.StatusUnsupportedMediaType, "no whole JPEG in the body"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, fmt.Sprintf("no whole JPEG within %v", uploadTime)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return http.StatusBadRequest, "the body cannot be read: it ends too early"
	case err != nil:
		return http.StatusBadRequest, fmt.Sprintf("the body cannot be read: %v", err)
	}
	return http.StatusOK, fmt.Sprintf("pictures taken: %d", n)
}

var (
	errBusy     = errors.New("the picture is not taken: the receiving program is busy")
	errTooLarge = errors.New("the picture is too large")
)

// accept hands on the pictures in a request's body and returns how many there were. A form is not taken apart: its pictures
// are found where they are, so its boundary may be missing or wrong.
func (p *posts) accept(w http.ResponseWriter, r *http.Request) (n int, err error) {
	// An error here means that the connection has no deadlines. Then it goes on without.
	allow := func(d time.Duration) { http.NewResponseController(w).SetReadDeadline(time.Now().Add(d)) }
	allow(uploadTime)
	in := &incoming{ReadCloser: r.Body, request: r.Context(), most: p.o.MaxFrameSize}
	r.Body = in
	body, err := unzipped(bufio.NewReader(in))
	if err != nil {
		return 0, err
	}
	kind := kindOf(r.Header)
	form := kind == "multipart/form-data"
	after := uploadTime // how long the next picture may take
	if form || strings.HasPrefix(kind, "image/") || isUnframed(r) {
		after = soloSilence // some never end such a request
	}
	oversized, cut := false, false
	o := p.o
	o.Skip = func(reason string) {
		oversized = oversized || reason == string(mjpeg.Oversized)
		cut = cut || reason == string(mjpeg.Truncated)
		if !form || reason != string(mjpeg.Garbage) { // other fields
			p.o.Skip(reason)
		}
	}
	for pictures := o.pictures(body); ; n++ {
		frame, err := pictures.next()
		switch {
		case err != nil && n > 0: // a picture that was taken is never refused, whatever follows it
			return n, nil
		case err != nil && oversized:
			return 0, errTooLarge
		case err == io.EOF && cut:
			return 0, io.ErrUnexpectedEOF
		case err == io.EOF:
			return 0, ErrNoJPEG
		case err != nil:
			return 0, err
		}
		guard.Moved(r.Context(), len(frame.JPEG))
		if err := p.handOver(r, frame.Keep()); err != nil {
			return n, err
		}
		in.held = 0
		guard.Moved(r.Context(), 0)
		if allow(after); form {
			in.most = 0
			passOver(body, func() { allow(soloSilence) })
			return n + 1, nil
		}
	}
}

// passOver reads the rest of a body, if that comes soon and ends: else the poster might not see the answer.
func passOver(body io.Reader, allow func()) {
	b := make([]byte, 32<<10)
	for began, rest := time.Now(), 0; rest < maxSearch && time.Since(began) < uploadTime; allow() {
		n, err := body.Read(b)
		if rest += n; err != nil {
			return
		}
	}
}

// handOver waits until the caller of Frames takes the frame. It does so even if the poster has hung up: some posters do not
// wait for an answer, and the picture is whole.
func (p *posts) handOver(r *http.Request, frame protocol.Frame) error {
	ctx, cancel := context.WithTimeout(guard.Lasting(r.Context()), handOverTime)
	defer cancel()
	turn, leave := p.turnOf(guard.Household(r.RemoteAddr))
	defer leave()
	select {
	case turn.lock <- struct{}{}:
		defer func() { <-turn.lock }()
	case <-ctx.Done():
		return errBusy
	}
	select {
	case p.frames <- frame:
		return nil
	case <-ctx.Done():
		return errBusy
	}
}

// An incoming is a request's body. It tells the server when the upload has moved, and how many bytes of it wait for the rest
// of their picture.
type incoming struct {
	io.ReadCloser
	request    context.Context
	held, most int
	untold     int
}

func (in *incoming) Read(b []byte) (int, error) {
	const enough = 4 << 10 // bytes; fewer do not count as moving
	n, err := in.ReadCloser.Read(b)
	in.held = min(in.held+n, in.most)
	if in.untold += n; in.untold >= enough {
		in.untold = 0
		guard.Moved(in.request, in.held)
	}
	return n, err
}
