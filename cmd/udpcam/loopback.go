package main

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
	"udpcam/sender/source"
)

// A loopback is a sender and a receiver on this machine, with a source before the one:
//
//	source.Source ──> sender.Sender ──> UDP on 127.0.0.1 ──> receiver.Receiver ──> frames
type loopback struct {
	source source.Source
	to     *sender.Sender
	from   *receiver.Receiver
	skip   func(reason string)
}

func openLoopback(ctx context.Context, src source.Source, stream string, log *slog.Logger,
	skip func(reason string)) (*loopback, error) {

	from, err := receiver.Listen(ctx, "127.0.0.1:0", receiver.Config{Log: log})
	if err != nil {
		return nil, err
	}
	to, err := sender.Dial(ctx, sender.Config{Name: stream, Log: log}, from.LocalAddr().String())
	if err != nil {
		from.Close()
		return nil, err
	}
	return &loopback{source: src, to: to, from: from, skip: skip}, nil
}

// frames opens the source and yields its frames once they have come out at the other end, each noted before.
func (l *loopback) frames(note func(f protocol.Frame, now time.Time)) frames {
	return func(ctx context.Context) iter.Seq2[protocol.Frame, error] {
		return func(yield func(protocol.Frame, error) bool) {
			began, wanted := time.Now().Truncate(time.Microsecond), true // the wire counts in microseconds
			parts := newGroup(ctx)
			parts.run(func(ctx context.Context) error { return pump(ctx, l.source, l.to, 0, l.skip, func() {}) })
			err := receive(parts.ctx, l.from, 0, func(f protocol.Frame, now time.Time) {
				if !wanted || f.Captured.Before(began) { // what was under way when the source was closed last
					return
				}
				note(f, now)
				if wanted = yield(f, nil); !wanted {
					parts.end()
				}
			})
			if err != nil {
				parts.fail(err)
			}
			parts.end()
			if err := parts.wait(); err != nil && wanted {
				yield(protocol.Frame{}, err)
			}
		}
	}
}

// close closes both sockets.
func (l *loopback) close() {
	l.to.Close()
	l.from.Close()
}
