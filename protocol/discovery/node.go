package discovery

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
)

// lookAgain is how often a node looks for network interfaces that have come, gone or got other addresses.
const lookAgain = time.Second

// Config says where and how to speak. The zero value is ready.
type Config struct {
	Interface string       // the only network interface to use; "" for all
	Log       *slog.Logger // nil for none
}

func (c Config) logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// A machine decides what is sent. It has no socket and no clock.
type machine interface {
	relink(now time.Time, links []link)         // the links are now these
	hear(now time.Time, p packet)               // a datagram has come
	wake(now time.Time) ([]outgoing, time.Time) // what is to be sent now, and when to call it again; zero for never
}

// A node connects a machine with the sockets. Only its goroutine touches either.
type node struct {
	*sockets
	machine
	after func() // called after each step
	calls chan func(now time.Time)
	ended chan struct{}
}

func newNode(ctx context.Context, c Config, anyPort bool, m machine) (*node, error) {
	s, err := open(ctx, c.Interface, anyPort, c.logger())
	if err != nil {
		return nil, err
	}
	return &node{sockets: s, machine: m, after: func() {}, calls: make(chan func(time.Time)), ended: make(chan struct{})}, nil
}

// run works until ctx ends. Before it closes the sockets it sends what last returns.
func (n *node) run(ctx context.Context, last func() []outgoing) {
	defer close(n.ended)
	defer n.close()
	n.relink(time.Now(), n.links)
	alarm, look := time.NewTimer(0), time.NewTicker(lookAgain)
	defer alarm.Stop()
	defer look.Stop()
	flood := rate.NewLimiter(maxRate, maxBurst)
	for {
		select {
		case <-ctx.Done():
			for _, o := range last() {
				n.send(o)
			}
			return
		case p := <-n.packets:
			if flood.Allow() {
				n.hear(time.Now(), p)
			} else {
				n.dropped.Add(1)
			}
		case call := <-n.calls:
			call(time.Now())
		case <-look.C:
			if n.look() {
				n.relink(time.Now(), n.links)
			}
		case <-alarm.C:
		}
		out, next := n.wake(time.Now())
		for _, o := range out {
			n.send(o)
		}
		n.after()
		if alarm.Stop(); !next.IsZero() {
			alarm.Reset(time.Until(next))
		}
	}
}

// do calls f in the node's goroutine and waits for it. It does nothing if the node has ended.
func (n *node) do(f func(now time.Time)) {
	done := make(chan struct{})
	select {
	case n.calls <- func(now time.Time) { f(now); close(done) }:
		<-done
	case <-n.ended:
	}
}
