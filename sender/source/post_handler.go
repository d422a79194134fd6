package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/time/rate"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// posts is the HTTP handler of an upload. It makes frames of bodies, and answers whether that worked.
type posts struct {
	path   string // "" takes any
	o      Options
	ctx    context.Context     // done when nobody takes frames any more
	frames chan protocol.Frame // unbuffered: a frame has been taken once it has been sent
	slots  chan struct{}       // holds one token for each body being read
	warn   rate.Sometimes      // when a refusal is logged
}

// close ends the server. Answers that are under way are finished. Uploads that do not end by themselves are cut off. When
// it returns, no body is being read any more, and none will be.
func (p *posts) close(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), closingTime)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
	for range maxUploads {
		p.slots <- struct{}{}
	}
}

func (p *posts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, text := p.serve(w, r)
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(uploadTime))
	if status == http.StatusOK {
		fmt.Fprintln(w, text)
		return
	}
	http.Error(w, text, status)
	p.warn.Do(func() {
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		p.o.Log.Warn("an upload is refused", "from", from, "status", status, "why", text)
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
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	default:
		return http.StatusServiceUnavailable, "too many uploads at once"
	}
	n, err := p.accept(w, r)
	switch {
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, err.Error()
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("%v: more than %d bytes", err, p.o.MaxFrameSize)
	case errors.Is(err, ErrNoJPEG), errors.Is(err, errNothingFound):
		return http.StatusUnsupportedMediaType, "no whole JPEG in the body"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, fmt.Sprintf("no whole JPEG within %v", uploadTime)
	case err != nil:
		return http.StatusBadRequest, "the body cannot be read"
	}
	return http.StatusOK, fmt.Sprintf("pictures taken: %d", n)
}

var (
	errBusy     = errors.New("the picture is not taken: the receiving program is busy or closing")
	errTooLarge = errors.New("the picture is too large")
)

// accept hands on the pictures in a request's body and returns how many there were.
func (p *posts) accept(w http.ResponseWriter, r *http.Request) (n int, err error) {
	// An error here means that the connection has no deadlines. Then it goes on without.
	allow := func() { http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTime)) }
	allow()
	body, err := picturesIn(r)
	if err != nil {
		return 0, err
	}
	oversized := false
	o := p.o
	o.Skip = func(reason string) {
		oversized = oversized || reason == string(mjpeg.Oversized)
		p.o.Skip(reason)
	}
	for pictures := o.pictures(body); ; n++ {
		frame, err := pictures.next()
		switch {
		case err != nil && n == 0 && oversized:
			return 0, errTooLarge
		case err == io.EOF && n == 0:
			return 0, ErrNoJPEG
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
		if err := p.handOver(frame.Keep()); err != nil {
			return n, err
		}
		allow()
	}
}

// picturesIn returns the part of a request's body that may hold pictures. In a form, that is the first field whose content
// begins as a JPEG does. Otherwise it is the whole body.
func picturesIn(r *http.Request) (io.Reader, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		return r.Body, nil
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return nil, ErrNoJPEG
		} else if err != nil {
			return nil, err
		}
		field := bufio.NewReader(part)
		if start, _ := field.Peek(2); string(start) == "\xFF\xD8" {
			return field, nil
		}
	}
}

// handOver waits until the caller of Frames takes the frame. It does so even if the poster has hung up: some posters do not
// wait for an answer, and the picture is whole.
func (p *posts) handOver(frame protocol.Frame) error {
	late := time.NewTimer(handOverTime)
	defer late.Stop()
	select {
	case p.frames <- frame:
		return nil
	case <-late.C:
	case <-p.ctx.Done():
	}
	return errBusy
}
