package web

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"udpcam/protocol"
)

const (
	defaultLinger = 10 * time.Second
	firstRetry    = time.Second // the wait after a source's first error; it doubles with each further error, up to lastRetry
	lastRetry     = 10 * time.Second
)

var errOver = errors.New("the source ended")

// An Opener opens a source and returns its frames until the source ends, fails, or ctx is done. The Frames method of a
// source.Source is one.
type Opener = func(ctx context.Context) iter.Seq2[protocol.Frame, error]

// Pull captures on demand. When somebody watches one of the source's streams, Pull calls open and puts the frames. When
// nobody has watched them for linger (0 means 10 s), Pull cancels the context, and forgets the last picture so that the
// next viewer sees no old one. Then it waits for the next viewer.
//
// When the source fails, the error is logged and shown in /healthz. While somebody watches, open is called again after a
// second, then after up to ten seconds if it keeps failing. When the frames end without an error, Pull returns nil. When
// ctx is done, Pull returns its error.
//
// Several sources may be pulled at once. A viewer opens only the source whose stream it watches. Give the names of the
// source's streams, so that they can be watched by name from the start. If no stream of a source is known yet, the source
// opens for viewers of the front stream. While no front stream can be shown, every source opens for viewers of the front
// stream.
func (s *Server) Pull(ctx context.Context, open Opener, linger time.Duration, streams ...string) error {
	orDefault(&linger, defaultLinger)
	src := &source{streams: s.streams}
	s.sources.Store(src, nil)
	s.streams.reserve(src, streams)
	defer s.streams.release(src)
	defer s.sources.Delete(src)
	retry := firstRetry
	for src.awaitViewer(ctx) == nil {
		brought, err := s.capture(ctx, src, open, linger)
		switch {
		case ctx.Err() != nil, err == nil:
			continue
		case err == errOver:
			return nil
		case brought:
			retry = firstRetry
		}
		s.config.Log.Warn("the source failed", "error", err, "retry", retry)
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
		retry = min(2*retry, lastRetry)
	}
	return ctx.Err()
}

// capture opens the source once. It returns whether a picture came, and why the source failed. The reason is errOver if the
// frames ended, and nil if the source was closed because nobody watches.
func (s *Server) capture(ctx context.Context, src *source, open Opener, linger time.Duration) (brought bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var idle sync.WaitGroup
	idle.Go(func() {
		defer cancel()
		src.awaitIdle(ctx, linger)
	})
	defer idle.Wait()
	defer cancel()

	s.streams.forgetPictures(src, false) // those from before it failed
	src.open.Store(true)
	defer src.open.Store(false)
	for frame, failure := range open(ctx) {
		if err = failure; err != nil || ctx.Err() != nil {
			break
		}
		s.put(frame, src)
		if !brought {
			brought = true
			src.failed.Store(nil)
		}
	}
	switch {
	case ctx.Err() != nil: // the next awaitViewer sees viewers that come from here on
		s.streams.forgetPictures(src, true)
		return brought, nil
	case err != nil:
		src.failed.Store(&err)
		s.streams.watched() // others may be wanted in its place
		return brought, err
	}
	return brought, errOver
}

// A source is a source on demand, for as long as it is pulled. Any goroutine may read whether the source is open, and why
// it last failed. The next picture clears that reason.
type source struct {
	streams *registry
	open    atomic.Bool
	failed  atomic.Pointer[error]
}

// failure returns why the source failed, or nil.
func (src *source) failure() error {
	if err := src.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// awaitViewer returns when somebody watches one of the source's streams.
func (src *source) awaitViewer(ctx context.Context) error {
	for ctx.Err() == nil {
		d := src.streams.demandFor(src)
		if d.wanted {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-d.changed:
		case <-time.After(lookEvery): // the front stream may have fallen quiet
		}
	}
	return ctx.Err()
}

// awaitIdle returns when nobody has watched the source's streams for linger, or ctx is done.
func (src *source) awaitIdle(ctx context.Context, linger time.Duration) {
	was, last := true, time.Time{} // whether somebody watched, and when somebody last did
	for ctx.Err() == nil {
		d := src.streams.demandFor(src)
		switch {
		case was:
			last = time.Now()
		case d.left.After(last): // one has come and gone
			last = d.left
		}
		was = d.wanted
		var idle <-chan time.Time
		if !d.wanted {
			idle = time.After(time.Until(last.Add(linger)))
		}
		select {
		case <-ctx.Done():
		case <-d.changed:
		case <-idle:
			return
		}
	}
}

// sourcesState returns whether a source is closed, and why one failed.
func (s *Server) sourcesState() (idle bool, err error) {
	for key := range s.sources.Range {
		src := key.(*source)
		idle = idle || !src.open.Load()
		err = cmp.Or(src.failure(), err)
	}
	return idle, err
}
