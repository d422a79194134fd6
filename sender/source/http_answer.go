package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"udpcam/protocol/mjpeg"
)

// errSnapshot means that the answer was one picture and no stream. That is no failure.
var errSnapshot = errors.New("one picture")

var (
	errSilent = errors.New("nothing has come")
	errLate   = fmt.Errorf("%w has come for %v, only other data; open the address in a browser to see what it gives",
		ErrNoJPEG, pictureTime)
	errEnded  = errors.New("the stream has ended")
	errEmpty  = errors.New("its answer is empty")
	errCutOff = errors.New("the connection was cut off within a picture")
)

// get asks the camera once and emits the pictures of its answer. It returns how many there were, and why there are no
// more: errSnapshot, errStopped, or what went wrong.
func (c *camera) get(ctx context.Context, state *changes, emit emitter) (n int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in := &watched{allowed: silence}
	in.quiet = time.AfterFunc(silence, func() { cancel(errSilent) })
	defer in.quiet.Stop()
	fail := func(err error) error {
		if err = explain(ctx, err); err == errSilent {
			err = fmt.Errorf("%w for %v", errSilent, in.allowed)
		}
		return err
	}

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "udpcam")
	req.Close = c.tolerant.Load()
	res, err := c.client.Do(req)
	if err != nil && !req.Close && strings.Contains(err.Error(), "malformed MIME header") {
		c.tolerant.Store(true)
		return c.get(ctx, state, emit)
	}
	if err != nil {
		return 0, fail(err)
	}
	defer res.Body.Close()
	if err := refused(req, res); err != nil {
		return 0, err
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	in.r, in.allowed = res.Body, pictureTime
	late := time.AfterFunc(pictureTime, func() { cancel(errLate) })
	defer late.Stop()
	oversized := false
	o := c.o
	o.Skip = func(reason string) {
		oversized = oversized || reason == string(mjpeg.Oversized)
		c.o.Skip(reason)
	}
	pictures := o.pictures(in)
	defer pictures.watch(c.o.Log, c.shown, func(err error) { cancel(final("%w", err)) })()
	for {
		asked := time.Now()
		late.Reset(pictureTime)
		frame, err := pictures.next()
		late.Stop()
		solo := n == 1 && (kind == "image/jpeg" || res.ContentLength > 0)
		switch {
		case err == io.EOF && n == 1, solo && (errors.Is(err, io.ErrUnexpectedEOF) || context.Cause(ctx) == errSilent):
			return n, errSnapshot
		case err != nil && n == 0 && oversized:
			return n, final("%w: more than %d bytes", errTooLarge, c.o.MaxFrameSize)
		case err == io.EOF && n == 0 && pictures.in.read > 0:
			err := fmt.Errorf("%w in its answer: %s", ErrNoJPEG, pictures.what())
			return n, &refusal{err: err, doubtful: kind == "text/plain"}
		case err == errNothingFound:
			return n, final("%w: it sent %w: %s", ErrNoJPEG, err, pictures.what())
		case err == io.EOF && n == 0:
			return n, errEmpty
		case err == io.EOF:
			return n, errEnded
		case errors.Is(err, io.ErrUnexpectedEOF):
			return n, errCutOff
		case err != nil:
			return n, fail(err)
		}
		n++
		c.proven.Store(true)
		state.note(slog.LevelInfo, "camera gives pictures", nil)
		if err := emit(frame); err != nil {
			return n, err
		}
		in.allowed = min(max(silence, 3*frame.Captured.Sub(asked)), pictureTime)
		if n == 1 && kind == "image/jpeg" {
			in.allowed = soloSilence
		}
	}
}

// watched is a body whose every Read must end before the timer fires. The timer rests between two reads.
type watched struct {
	r       io.Reader
	quiet   *time.Timer
	allowed time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	w.quiet.Reset(w.allowed)
	defer w.quiet.Stop()
	return w.r.Read(p)
}

// cookies are what a camera has set, which some want back before they give a picture. Each goes only to the host that has set
// it. If there are many, all are forgotten. That stops cameras that set new ones for ever.
type cookies struct {
	jar *cookiejar.Jar
	n   int
}

func (c *cookies) SetCookies(u *url.URL, set []*http.Cookie) {
	const most = 100
	if c.n += len(set); c.jar == nil || c.n > most {
		c.jar, _ = cookiejar.New(nil) // which never fails
		c.n = len(set)
	}
	c.jar.SetCookies(u, set)
}

func (c *cookies) Cookies(u *url.URL) []*http.Cookie {
	if c.jar == nil {
		return nil
	}
	return c.jar.Cookies(u)
}
