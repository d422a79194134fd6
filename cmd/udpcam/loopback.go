package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"udpcam/internal/datagram"
	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/receiver/web"
	"udpcam/sender"
	"udpcam/sender/source"
)

// A loopback is a sender and a receiver on this machine, with a source before the one, and between them a network that is
// as good or bad as somebody wants it:
//
//	source.Source ──> sender.Sender ──> impaired ──> UDP on 127.0.0.1 ──> receiver.Receiver ──> frames
//	                                             <── impaired <──
type loopback struct {
	source source.Source
	stream string
	log    *slog.Logger
	skip   func(reason string)
	from   *receiver.Receiver
	back   *impaired // what the receiver sends by

	mu    sync.RWMutex // guards what follows; held for reading while a frame is sent
	link  web.DemoLink
	to    *sender.Sender
	there *impaired // what the sender sends by
}

func openLoopback(ctx context.Context, src source.Source, stream string, log *slog.Logger,
	skip func(reason string)) (*loopback, error) {

	conn, err := datagram.Listen(ctx, "127.0.0.1:0", datagram.Options{})
	if err != nil {
		return nil, err
	}
	l := &loopback{source: src, stream: stream, log: log, skip: skip, back: impair(conn),
		link: web.DemoLink{Parity: true, Requests: true}}
	l.from = receiver.New(receiver.Config{Log: log}, l.back)
	if err := l.dial(ctx, true); err != nil {
		l.from.Close()
		return nil, err
	}
	return l, nil
}

// dial makes the sender, or another in its place: to the receiver it is as if it had been started again.
func (l *loopback) dial(ctx context.Context, parity bool) error {
	addr := l.from.LocalAddr()
	conn, err := datagram.Open(ctx, addr.Addr(), datagram.Options{NoGRO: true})
	if err != nil {
		return err
	}
	config := sender.Config{Name: l.stream, Log: l.log}
	if !parity {
		config.FEC = sender.FECOff
	}
	there := impair(conn)
	to, err := sender.New(config, sender.Destination{Conn: there, Addr: addr})
	if err != nil {
		conn.Close()
		return err
	}
	if l.to != nil {
		l.to.Close()
	}
	l.to, l.there = to, there
	return nil
}

// Link is how the network is.
func (l *loopback) Link() web.DemoLink {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.link
}

// The worst that the network can be.
const (
	worstLoss  = 0.9
	worstDelay = 1000 // milliseconds, and of jitter likewise
)

// SetLink makes the network so, in both directions. The error says which value cannot be.
func (l *loopback) SetLink(wanted web.DemoLink) error {
	for _, v := range []struct {
		name       string
		value, max float64
	}{
		{"loss", wanted.Loss, worstLoss}, {"delay_ms", wanted.Delay, worstDelay}, {"jitter_ms", wanted.Jitter, worstDelay},
	} {
		if !(v.value >= 0 && v.value <= v.max) {
			return fmt.Errorf("%s %v: give 0 to %v", v.name, v.value, v.max)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if wanted.Parity != l.link.Parity {
		if err := l.dial(context.Background(), wanted.Parity); err != nil {
			return err
		}
	}
	l.link = wanted
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	path := netsim.Path{Loss: wanted.Loss, Delay: ms(wanted.Delay), Jitter: ms(wanted.Jitter)}
	l.there.set(path, nil)
	if wanted.Requests {
		l.back.set(path, nil)
	} else {
		l.back.set(path, isRequest)
	}
	return nil
}

// isRequest reports whether a datagram asks a sender for something.
func isRequest(b []byte) bool {
	info, err := protocol.Inspect(b)
	return err == nil && info.Kind == protocol.KindRequest
}

// Send sends a frame by the present sender.
func (l *loopback) Send(f protocol.Frame) (sent bool, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.to.Send(f)
}

// Stats is what the present sender has counted.
func (l *loopback) Stats() sender.Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.to.Stats()
}

// frames opens the source and yields its frames once they have come out at the other end, each noted before.
func (l *loopback) frames(note func(f protocol.Frame, now time.Time)) frames {
	return func(ctx context.Context) iter.Seq2[protocol.Frame, error] {
		return func(yield func(protocol.Frame, error) bool) {
			began, wanted := time.Now().Truncate(time.Microsecond), true // the wire counts in microseconds
			parts := newGroup(ctx)
			parts.run(func(ctx context.Context) error { return pump(ctx, l.source, l, 0, l.skip, func() {}) })
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
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to.Close()
	l.from.Close()
}
