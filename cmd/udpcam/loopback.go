package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"udpcam/internal/datagram"
	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/receiver/web"
	"udpcam/sender"
	"udpcam/sender/source"
)

// A loopback is a sender and a receiver on this machine, and between them a network that the user can make bad:
//
//	source.Source ──> sender.Sender ──> impaired ──> UDP on 127.0.0.1 ──> receiver.Receiver ──> frames
//	                                             <── impaired <──
type loopback struct {
	*session
	source source.Source
	stream string
	from   *receiver.Receiver
	back   *impaired // the receiver sends by this

	mu    sync.RWMutex // guards what follows; held for reading while a frame is sent
	link  web.DemoLink
	to    *sender.Sender
	there *impaired // the sender sends by this
}

func openLoopback(ctx context.Context, src source.Source, stream string, s *session) (*loopback, error) {
	conn, err := datagram.Listen(ctx, "127.0.0.1:0", datagram.Options{})
	if err != nil {
		return nil, err
	}
	l := &loopback{session: s, source: src, stream: stream, back: impair(conn),
		link: web.DemoLink{Parity: true, Requests: true}}
	l.from = receiver.New(receiver.Config{Log: s.log}, l.back)
	if err := l.dial(ctx, true); err != nil {
		l.from.Close()
		return nil, err
	}
	return l, nil
}

// dial makes a sender, in place of the one before. To the receiver it is a sender that was started again.
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

func (l *loopback) Link() web.DemoLink {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.link
}

// The worst network that can be asked for.
const (
	worstLoss  = 0.9
	worstDelay = 1000 // milliseconds, for delay and for jitter
)

// SetLink changes the network in both directions. The error says which value is out of range.
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
	l.back.set(path, func(header []byte) bool { return !wanted.Requests && isRequest(header) })
	return nil
}

// isRequest reports whether a datagram asks a sender for what was lost.
func isRequest(b []byte) bool {
	info, err := protocol.Inspect(b)
	return err == nil && info.Kind == protocol.KindRequest
}

func (l *loopback) send(f protocol.Frame) (sent bool, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.to.Send(f)
}

// open opens the source, and yields its frames as they come out of the receiver. It calls note with each frame first.
func (l *loopback) open(note func(f protocol.Frame, now time.Time)) web.Opener {
	return func(ctx context.Context) iter.Seq2[protocol.Frame, error] {
		return func(yield func(protocol.Frame, error) bool) {
			began, wanted := time.Now().Truncate(time.Microsecond), true // the wire counts in microseconds
			ctx, end := context.WithCancel(ctx)
			defer end()
			parts, ctx := errgroup.WithContext(ctx)
			parts.Go(func() error {
				return pump(ctx, l.source, l.send, 0, l.skipped.count, func(protocol.Frame, uint64) {})
			})
			err := receive(ctx, l.from, 0, func(f protocol.Frame, now time.Time) {
				if !wanted || f.Captured.Before(began) { // it was on its way when the source was last closed
					return
				}
				note(f, now)
				if wanted = yield(f, nil); !wanted {
					end()
				}
			})
			end()
			if err = cmp.Or(err, parts.Wait()); err != nil && wanted {
				yield(protocol.Frame{}, err)
			}
		}
	}
}

func (l *loopback) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to.Close()
	l.from.Close()
}
