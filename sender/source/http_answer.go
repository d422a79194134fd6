package source

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	errLate   = fmt.Errorf("%w has come", ErrNoJPEG)
	errEnded  = errors.New("the stream has ended")
	errEmpty  = errors.New("its answer is empty")
	errCutOff = errors.New("the connection was cut off within a picture")
)

// get asks the camera once and emits the pictures of its answer. It returns how many there were, and why there are no
// more: errSnapshot, errStopped, or what went wrong.
func (c *camera) get(ctx context.Context, state *changes, emit emitter) (n int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	asked := time.Now() // for the next picture
	in := &watched{allowed: c.patience()}
	in.quiet = time.AfterFunc(in.allowed, func() { cancel(errSilent) })
	defer in.quiet.Stop()
	const grace = 100 * time.Millisecond // both times may be the same: then errSilent comes first
	lateAfter := max(cmp.Or(c.o.Patience, pictureTime), in.allowed)
	fail := func(err error) error {
		switch err = explain(ctx, err); err {
		case errSilent:
			err = fmt.Errorf("%w for %v; slow cameras need a longer --patience", errSilent, in.allowed)
		case errLate:
			err = fmt.Errorf("%w for %v, only other data; open the address in a browser to see what it gives", errLate, lateAfter)
		}
		return err
	}

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "udpcam")
	req.Header.Set("Accept", "*/*")
	req.Close = c.lines.short.Load()
	res, err := c.client.Do(req)
	if err != nil {
		return 0, fail(err)
	}
	defer res.Body.Close()
	in.r, in.allowed = res.Body, textSilence
	late := time.AfterFunc(lateAfter+grace, func() { cancel(errLate) })
	defer late.Stop()
	buffered := bufio.NewReader(in)
	if err := refused(req, res, buffered); err != nil {
		return 0, err
	}
	in.allowed = cmp.Or(c.o.Patience, max(c.patience(), pictureTime))
	content, err := unzipped(buffered)
	if err != nil {
		return 0, fail(err)
	}

	var broken mjpeg.Reason // why the last picture was left out
	o := c.o
	o.Skip = func(reason string) {
		broken = mjpeg.Reason(reason)
		if ctx.Err() == nil { // otherwise get has stopped reading, and the picture is cut off for that reason
			c.o.Skip(reason)
		}
	}
	kind := kindOf(res.Header)
	stream := strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "video/")
	// One picture, and no stream. Of what the length covers, nothing behind the picture is another one.
	one := strings.HasPrefix(kind, "image/") && res.ContentLength > 0
	if req.Close {
		in.allowed = textSilence
	}
	pictures := o.pictures(content)
	defer pictures.watch(c.o.Log, c.shown, func(err error) { cancel(final("%w", err)) })()
	for {
		late.Reset(lateAfter + grace)
		frame, err := pictures.next()
		late.Stop()
		cut := errors.Is(err, io.ErrUnexpectedEOF)
		silent := err != nil && context.Cause(ctx) == errSilent
		switch {
		case n > 0 && !stream && (err == io.EOF || cut || silent && n == 1), n == 1 && err == io.EOF:
			c.single = c.single || silent
			return n, errSnapshot
		case err != nil && n == 0 && broken == mjpeg.Oversized:
			return n, final("%w: more than %d bytes", errTooLarge, c.o.MaxFrameSize)
		case err == io.EOF && n == 0 && one && broken == mjpeg.Truncated && c.lines.short.CompareAndSwap(false, true):
			return n, fmt.Errorf("%w; perhaps its length is wrong", errCutOff)
		case err == io.EOF && n == 0 && pictures.in.read > 0:
			return n, final("%w in its answer: %s", ErrNoJPEG, pictures.what())
		case err == errNothingFound:
			return n, final("%w: it sent %w: %s", ErrNoJPEG, err, pictures.what())
		case err == io.EOF && n == 0:
			return n, errEmpty
		case err == io.EOF:
			return n, errEnded
		case cut:
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
		c.usual = max(frame.Captured.Sub(asked), c.usual/2)
		if !stream && n == 1 && (one || c.single) {
			return n, errSnapshot
		}
		asked = time.Now()
		lateAfter = max(cmp.Or(c.o.Patience, pictureTime), c.patience())
		if in.allowed = c.patience(); !stream && n == 1 {
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

// cookies are what a camera has set, which some want back before they give a picture. Each goes only to the host that has
// set it. If there are many, all are forgotten. That stops cameras that set new ones for ever.
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
