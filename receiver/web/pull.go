package web

import (
	"context"
	"iter"
	"sync"
	"time"

	"udpcam/protocol"
)

const (
	defaultLinger = 10 * time.Second
	firstRetry    = time.Second // after an error of a source; doubles with each further one, up to
	lastRetry     = 10 * time.Second
)

// An Opener opens a source and returns its frames, until the source is over, fails, or ctx is done. The Frames method
// of a source.Source is one.
type Opener = func(ctx context.Context) iter.Seq2[protocol.Frame, error]

// Pull captures on demand. When the first viewer comes, whatever it watches, Pull calls open and puts the frames; when
// nobody has watched for linger (0 means 10 s), it ends the iteration by its context and forgets the last picture, so
// that the next viewer sees none that is stale; and so again and again.
//
// When the iteration fails, its error is logged and shown in /healthz, and while somebody watches, open is called again
// after a second, or after up to ten if it keeps failing. When it ends without an error, the source is over and Pull
// returns nil. When ctx is done, Pull returns its error.
//
// Several sources may be pulled at once: a viewer opens them all. Those of their streams that are named here can be
// watched by name from the start, others once they have brought a picture, and before that as the front stream.
func (h *Hub) Pull(ctx context.Context, open Opener, linger time.Duration, streams ...string) error {
	orDefault(&linger, defaultLinger)
	p := &puller{hub: h}
	p.add(streams)
	defer p.remove()
	retry := firstRetry
	for {
		if err := h.awaitViewer(ctx); err != nil {
			return err
		}
		brought, over, err := p.capture(ctx, open, linger)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case over:
			return nil
		case err == nil:
			continue
		case brought:
			retry = firstRetry
		}
		h.config.Log.Warn("the source failed", "error", err, "retry", retry)
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
		retry = min(2*retry, lastRetry)
	}
}

// capture opens the source once. It returns whether a picture came, and whether the source is over or failed; it is
// neither if it was closed because nobody watches.
func (p *puller) capture(ctx context.Context, open Opener, linger time.Duration) (brought, over bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var idle sync.WaitGroup
	idle.Go(func() {
		defer cancel()
		p.hub.awaitIdle(ctx, linger)
	})
	defer idle.Wait()
	defer cancel()

	p.opened()
	for frame, failure := range open(ctx) {
		if err = failure; err != nil || ctx.Err() != nil {
			break
		}
		p.hub.put(frame, p)
		brought = true
	}
	switch {
	case ctx.Err() != nil: // whoever comes from here on is seen by the next awaitViewer
		p.closed()
		return brought, false, nil
	case err != nil:
		p.failed(err)
		return brought, false, err
	}
	return brought, true, nil
}

// awaitViewer returns when somebody watches.
func (h *Hub) awaitViewer(ctx context.Context) error {
	for {
		watched, changed := h.watched()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case watched:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// awaitIdle returns when nobody has watched for linger, or ctx is done.
func (h *Hub) awaitIdle(ctx context.Context, linger time.Duration) {
	for ctx.Err() == nil {
		watched, changed := h.watched()
		var idle <-chan time.Time
		if !watched {
			idle = time.After(linger)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-idle:
			return
		}
	}
}
