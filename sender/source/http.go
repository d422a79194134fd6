package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
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
	// silence is how long a camera may send nothing before it counts as dead. Slow cameras get three times the time that their
	// last picture took.
	silence = 10 * time.Second
	// pictureTime is how long a picture may take to arrive, after the one before. It stops cameras that send a byte now and
	// then, or something else than pictures. A camera that has never sent a picture may also be silent for so long.
	pictureTime = 30 * time.Second
	// longestPatience bounds how long udpcam waits without Options.Patience.
	longestPatience = 3 * pictureTime
	// doubtTime is how long a camera is asked again that answers with text, such as "Device Busy".
	doubtTime = 4 * time.Second
	// soloSilence is how long nothing may follow a picture before the picture counts as a snapshot, if the answer is no
	// stream. Some cameras do not end such an answer.
	soloSilence = time.Second
	// textSilence is the same for an answer that calls itself text, and for one whose length is too small.
	textSilence = 3 * time.Second
)

// A camera reads an IP camera over HTTP: its MJPEG stream, multipart of any spelling or bare JPEGs. If the URL answers with
// one picture and no more, it is a snapshot address. Then it is asked again and again, at Options.FPS or 5 times a second.
//
// If a stream ends, fails or is silent for too long, udpcam connects again, with growing pauses and one log line for each
// change. Before the first picture, errors end the source. Errors that a retry cannot fix (no such address or path, a
// password, a certificate, a page instead of pictures) end it at once. Others (connection refused, no answer, a server
// error) end it after 10 s, and an answer without a picture in it after 30 s.
//
// The camera is read at the pace of the caller. Meanwhile, frames wait in the connection, or the camera leaves some out.
type camera struct {
	url    string // without user, password and fragment
	shown  string // for people
	client *http.Client
	o      Options
	proven atomic.Bool // whether a picture has ever come

	lines  *exchange
	usual  time.Duration // how long it takes from picture to picture
	single bool          // its answers do not end behind the picture
}

func newCamera(scheme string) func(rest string, o Options) (Source, error) {
	return func(rest string, o Options) (Source, error) {
		raw := scheme + ":" + rest
		u, err := parseCameraURL(raw)
		if err != nil {
			return nil, err
		}
		pins, _ := parsePins(o.Pins) // check has seen both
		fields, _ := parseFields(o.Header)
		c := &camera{shown: Redact(raw), o: o}
		c.lines = &exchange{dialer: dialer{connect: new(net.Dialer).DialContext, through: http.ProxyFromEnvironment,
			insecure: o.Insecure, pins: pins, oldTLS: o.OldTLS}}
		c.client = &http.Client{CheckRedirect: redirect, Jar: &cookies{}, Transport: newCredentials(u, fields, c.lines)}
		u.User, u.Fragment, u.RawQuery = nil, "", strings.ReplaceAll(u.RawQuery, " ", "%20")
		c.url = u.String()
		return c, nil
	}
}

// parseCameraURL is url.Parse with errors that say what to do and never hold a password.
func parseCameraURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil && strings.Contains(raw, "@"):
		return nil, fmt.Errorf("%w: %s is no URL: %s", ErrName, Redact(raw), oddCharacter(raw))
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
	switch {
	case len(via) >= 10:
		return final("it redirects in circles")
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return final("it redirects to an address of %q, where no camera can be", req.URL.Scheme)
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
		patience := cmp.Or(c.o.Patience, silence)
		if refused := new(refusal); errors.As(err, &refused) {
			patience = 0
			if refused.doubtful {
				patience = cmp.Or(c.o.Patience, doubtTime)
			}
		}
		if !c.proven.Load() && time.Since(began) >= patience {
			return err
		}
		state.note(slog.LevelWarn, "camera gives no pictures, trying again", err)
		if err := retry.wait(ctx); err != nil {
			return err
		}
	}
}

// patience is how long the camera may be silent now.
func (c *camera) patience() time.Duration {
	switch {
	case c.o.Patience > 0:
		return c.o.Patience
	case !c.proven.Load():
		return pictureTime
	}
	return min(max(silence, 3*c.usual), longestPatience)
}
