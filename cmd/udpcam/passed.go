package main

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"udpcam/protocol"
	"udpcam/receiver/sink"
	"udpcam/sender"
)

// again is how long to wait after the name of a sender or receiver could not be looked up.
const again = time.Second

// A passed is a stream on its way out: a [sink.Sink] that sends.
type passed struct {
	passedID
	via protocol.Relays // with this one
	*relaying
	queue *sink.Queue
	tried time.Time                     // when making the sender has last failed; for Put only
	last  time.Time                     // when the last frame came; guarded by relaying.mu
	to    atomic.Pointer[sender.Sender] // nil at first
}

// Put implements [sink.Sink]. It sends a frame, at the speed of the slowest path.
func (p *passed) Put(f protocol.Frame) error {
	to := p.to.Load()
	if to == nil {
		if to = p.dial(); to == nil {
			return nil
		}
	}
	switch _, err := to.Send(f); {
	case errors.Is(err, net.ErrClosed):
		return err
	case err != nil:
		p.skipped.count("too large for the wire")
	}
	return nil
}

// dial makes the stream's sender. It returns nil if that fails, or has just failed.
func (p *passed) dial() *sender.Sender {
	if time.Since(p.tried) < again {
		return nil
	}
	p.tried = time.Now()
	c := p.config
	c.Name, c.Key, c.Via = p.name, p.key, p.via
	to, err := sender.Dial(context.Background(), c, p.addrs...)
	if err != nil {
		p.rarely.Do(func() { p.log.Error("cannot send", "stream", p.name, "error", err) })
		return nil
	}
	p.to.Store(to)
	return to
}

// Close implements [sink.Sink].
func (p *passed) Close() error {
	if to := p.to.Load(); to != nil {
		return to.Close()
	}
	return nil
}
