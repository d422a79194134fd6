package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"udpcam/protocol"
)

const (
	// snapshotFPS is how many times a second udpcam asks for a URL that answers with one picture.
	snapshotFPS = 5
	// silence is how long a camera may send nothing before it counts as dead.
	silence = 10 * time.Second
	// patience is how long udpcam waits for a camera that has never sent a picture. It may be starting.
	patience = 10 * time.Second
)

// A camera reads an IP camera over HTTP: its MJPEG stream, multipart of any spelling or bare JPEGs. If the URL answers with
// one picture and no more, it is a snapshot address. Then it is asked again and again, at Options.FPS or 5 times a second.
//
// If a stream ends, fails or is silent for 10 s, udpcam connects again, with growing pauses and one log line for each
// change. Before the first picture, errors end the source. Errors that a retry cannot fix (no such address or path, a
// password, a certificate, a page instead of pictures) end it at once. Others (connection refused, no answer, a server
// error) end it after 10 s.
//
// The camera is read at the pace of the caller. Meanwhile, frames wait in the connection, or the camera leaves some out.
type camera struct {
	url    string // without user, password and fragment
	shown  string // for people
	client *http.Client
	o      Options
	proven atomic.Bool // whether a picture has ever come
}

func newCamera(scheme string) func(rest string, o Options) (Source, error) {
	return func(rest string, o Options) (Source, error) {
		raw := scheme + ":" + rest
		u, err := parseCameraURL(raw)
		if err != nil {
			return nil, err
		}
		c := &camera{shown: Redact(raw), o: o}
		transport := &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DisableCompression:     true, // JPEGs cannot be compressed further, and a decompressor delays frames
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        time.Minute,
			ReadBufferSize:         64 << 10,
			MaxResponseHeaderBytes: 64 << 10,
		}
		c.client = &http.Client{Transport: transport, CheckRedirect: redirect}
		if u.User != nil {
			c.client.Transport = newCredentials(u, transport)
		}
		u.User, u.Fragment = nil, ""
		c.url = u.String()
		return c, nil
	}
}

// parseCameraURL is url.Parse with errors that say what to do and never hold a password.
func parseCameraURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil && strings.Contains(raw, "@"):
		return nil, fmt.Errorf("%w: %s is no URL; write / : ? # @ and %% in the user or password as %%2F %%3A %%3F %%23 %%40 "+
			"and %%25", ErrName, Redact(raw))
	case err != nil:
		return nil, fmt.Errorf("%w: %s is no URL: %w", ErrName, Redact(raw), errors.Unwrap(err))
	case u.Hostname() == "":
		return nil, fmt.Errorf("%w: %s names no host; the form is %s://HOST/PATH", ErrName, Redact(raw), u.Scheme)
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "80"), 10, 16); err != nil {
		return nil, fmt.Errorf("%w: %s: there is no port %s", ErrName, Redact(raw), u.Port())
	}
	return u, nil
}

// redirect follows up to ten redirects, as net/http does. The next host does not get the address of the last one, because
// that may hold a password in its query.
func redirect(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer")
	if len(via) >= 10 {
		return final("it redirects in circles")
	}
	return nil
}

func (c *camera) OnDemand() bool { return true }

func (c *camera) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, c.o, c.play)
}

func (c *camera) play(ctx context.Context, emit emitter) error {
	defer c.client.CloseIdleConnections()
	state := &changes{log: c.o.Log, name: c.shown}
	for pace := (pacer{fps: cmp.Or(c.o.FPS, snapshotFPS)}); ; { // once, unless it is a snapshot address
		if _, err := pace.wait(ctx); err != nil {
			return err
		}
		if err := c.follow(ctx, state, emit); err != errSnapshot {
			return fmt.Errorf("camera %s: %w", c.shown, err)
		}
	}
}

// follow asks the camera again and again. It returns errSnapshot when the camera has answered with one picture. It returns
// another error when udpcam should not ask again.
func (c *camera) follow(ctx context.Context, state *changes, emit emitter) error {
	began := time.Now()
	for retry := (backoff{}); ; {
		n, err := c.get(ctx, state, emit)
		if err == errStopped || err == errSnapshot || ctx.Err() != nil {
			return err
		}
		if n > 0 {
			retry = backoff{}
		}
		var refused *refusal
		if !c.proven.Load() && (errors.As(err, &refused) || time.Since(began) > patience) {
			return err
		}
		state.note(slog.LevelWarn, "camera gives no pictures, trying again", err)
		if err := retry.wait(ctx); err != nil {
			return err
		}
	}
}

// errSnapshot means that the answer was one picture and no stream. That is no failure.
var errSnapshot = errors.New("one picture")

var (
	errSilent = fmt.Errorf("nothing has come for %v", silence)
	errEnded  = errors.New("the stream has ended")
)

// get asks the camera once and emits the pictures of its answer. It returns how many there were, and why there are no
// more: errSnapshot, errStopped, or what went wrong.
func (c *camera) get(ctx context.Context, state *changes, emit emitter) (n int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer quiet.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "udpcam")
	res, err := c.client.Do(req)
	if err != nil {
		return 0, explain(ctx, err)
	}
	defer res.Body.Close()
	if err := refused(req, res); err != nil {
		return 0, err
	}
	pictures := c.o.pictures(&watched{res.Body, quiet})
	for {
		frame, err := pictures.next()
		switch {
		case err == io.EOF && n == 1:
			return n, errSnapshot
		case err == io.EOF && n == 0 && pictures.in.read > 0:
			return n, final("%w in its answer; open the address in a browser to see what it gives", ErrNoJPEG)
		case err == io.EOF:
			return n, errEnded
		case err != nil:
			return n, explain(ctx, err)
		}
		n++
		c.proven.Store(true)
		state.note(slog.LevelInfo, "camera gives pictures", nil)
		if err := emit(frame); err != nil {
			return n, err
		}
	}
}

// watched is a body whose every Read must end before the timer fires. The timer rests between two reads.
type watched struct {
	r     io.Reader
	quiet *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	w.quiet.Reset(silence)
	defer w.quiet.Stop()
	return w.r.Read(p)
}
