package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// These tests have a relay between cameras and viewers, in simulated time.

func relayAddr(host int) netip.AddrPort {
	return netip.MustParseAddrPort(fmt.Sprintf("10.0.0.%d:12345", host))
}

// The two sockets of relay 1.
var relayIn, relayOut = relayAddr(1), relayAddr(2)

var quietLog = slog.New(slog.DiscardHandler)

// A simClock is ahead of the true time.
type simClock struct{ ahead time.Duration }

func (c simClock) Now() time.Time        { return time.Now().Add(c.ahead) }
func (c simClock) Sleep(d time.Duration) { time.Sleep(d) }

// A simConn is a conn of a machine with such a clock.
type simConn struct {
	protocol.Conn
	simClock
}

func (c simConn) Receive() ([]protocol.Batch, error) {
	batches, err := c.Conn.Receive()
	for i := range batches {
		batches[i].At = batches[i].At.Add(c.ahead)
	}
	return batches, err
}

func (c simConn) SetReceiveDeadline(at time.Time) error {
	if !at.IsZero() {
		at = at.Add(-c.ahead)
	}
	return c.Conn.SetReceiveDeadline(at)
}

func simListen(t *testing.T, n *netsim.Network, at netip.AddrPort, clock simClock) protocol.Conn {
	t.Helper()
	conn, err := n.Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	return simConn{conn, clock}
}

// A simRelay is a relay in a simulated network: at the address at, and its port at the next one.
type simRelay struct {
	*relaying
	parts []chan struct{}
	end   context.CancelFunc
}

func startRelay(t *testing.T, n *netsim.Network, at int, keys []protocol.Key, from ...netip.AddrPort) *simRelay {
	t.Helper()
	s := &session{log: quietLog, console: newConsole(io.Discard), began: time.Now()}
	id := uint32(at)
	in := receiver.NewSubscriber(receiver.Config{Keys: keys, Relay: id, Log: quietLog}, simListen(t, n, relayAddr(at), simClock{}))
	portKeys := keys
	if keys == nil {
		portKeys = []protocol.Key{{}}
	}
	port := sender.NewPort(sender.PortConfig{Keys: portKeys, Log: quietLog}, simListen(t, n, relayAddr(at+1), simClock{}))
	r := &simRelay{relaying: &relaying{receiving: newReceiving(s, in, nil), config: sender.Config{Port: port, Log: quietLog},
		id: id, keys: map[protocol.KeyID]protocol.Key{}, linger: 5 * time.Second, rarely: rate.Sometimes{Interval: time.Second}}}
	for _, k := range keys {
		r.keys[k.ID()] = k
	}
	var ctx context.Context
	ctx, r.end = context.WithCancel(context.Background())
	part := func(work func()) {
		done := make(chan struct{})
		r.parts = append(r.parts, done)
		go func() {
			defer close(done)
			work()
		}()
	}
	for _, a := range from {
		r.wish.addrs = append(r.wish.addrs, a.String())
	}
	part(func() { receive(ctx, in, 0, r.put) })
	part(func() { r.attend(ctx) })
	part(func() { r.tidy(ctx) })
	return r
}

func (r *simRelay) stop() {
	r.end()
	for _, done := range r.parts {
		<-done
	}
	r.close()
	r.from.Close()
	r.config.Port.Close()
}

// A simCamera is opened on demand, as send --listen does.
type simCamera struct {
	*sender.Sender
	quit, done chan struct{}
}

func startCamera(t *testing.T, n *netsim.Network, at netip.AddrPort, clock simClock, size int, c sender.Config) *simCamera {
	t.Helper()
	c.Port = sender.NewPort(sender.PortConfig{Clock: clock, Log: quietLog}, simListen(t, n, at, clock))
	c.Clock, c.Log = clock, quietLog
	s, err := sender.New(c)
	if err != nil {
		t.Fatal(err)
	}
	cam := &simCamera{s, make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(cam.done)
		defer c.Port.Close()
		defer s.Close()
		jpeg := make([]byte, size)
		copy(jpeg, "\xff\xd8\xff")
		copy(jpeg[size-2:], "\xff\xd9")
		for {
			select {
			case <-time.After(time.Second / 30):
			case <-cam.quit:
				return
			}
			s.Send(protocol.Frame{Captured: clock.Now(), JPEG: jpeg})
		}
	}()
	return cam
}

func (c *simCamera) stop() {
	close(c.quit)
	<-c.done
}

// A simViewer subscribes to all streams of a port.
type simViewer struct {
	*receiver.Receiver
	frames atomic.Uint32
	seen   collected[protocol.Frame]
	delays collected[time.Duration] // since capture, as the viewer knows it
	done   chan struct{}
}

func startViewer(t *testing.T, n *netsim.Network, at netip.AddrPort, clock simClock, from netip.AddrPort,
	keys ...protocol.Key) *simViewer {

	t.Helper()
	v := &simViewer{Receiver: receiver.New(receiver.Config{Keys: keys, Clock: clock, Log: quietLog}, simListen(t, n, at, clock)),
		done: make(chan struct{})}
	go func() {
		defer close(v.done)
		for f := range v.Frames(context.Background()) {
			for _, info := range v.Streams() {
				if info.Name == f.Stream && info.ClockKnown {
					v.delays.note(clock.Now().Sub(f.Captured) + info.ClockOffset)
				}
			}
			f.JPEG = nil
			v.seen.note(f)
			v.frames.Add(1)
		}
	}()
	if err := v.Subscribe(t.Context(), receiver.Subscription{Addr: from.String()}); err != nil {
		t.Fatal(err)
	}
	return v
}

// back returns how long it takes until the next frame comes.
func (v *simViewer) back(t *testing.T, what string, most time.Duration) {
	t.Helper()
	before, began := v.frames.Load(), time.Now()
	for v.frames.Load() == before {
		if time.Sleep(time.Millisecond); time.Since(began) > most {
			t.Fatalf("%s: no frame within %v: %+v", what, most, v.Subscriptions())
		}
	}
	t.Logf("%s: a frame after %v", what, time.Since(began))
}

func (v *simViewer) stop() {
	v.Close()
	<-v.done
}
