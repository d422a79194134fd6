package netsim_test

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// These tests have receivers subscribe to senders, in simulated time.

// A station is a camera that can be subscribed to.
type station struct {
	port   *sender.Port
	sender *sender.Sender
	sent   atomic.Uint32
	paused atomic.Bool
	quit   chan struct{}
	done   chan struct{}
}

func open(t *testing.T, n *netsim.Network, at netip.AddrPort, c sender.Config) *station {
	t.Helper()
	s := &station{quit: make(chan struct{}), done: make(chan struct{})}
	s.port = sender.NewPort(sender.PortConfig{Log: slog.New(slog.DiscardHandler)}, listen(t, n, at))
	c.Port, c.Log = s.port, slog.New(slog.DiscardHandler)
	var err error
	if s.sender, err = sender.New(c); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		for id := uint64(0); ; id++ {
			select {
			case <-time.After(time.Second / 30):
			case <-s.quit:
				return
			}
			if s.paused.Load() {
				continue
			}
			if _, err := s.sender.Send(protocol.Frame{Captured: time.Now(), JPEG: picture(8000, id)}); err != nil {
				t.Error(err)
				return
			}
			s.sent.Add(1)
		}
	}()
	return s
}

func (s *station) close() {
	close(s.quit)
	<-s.done
	s.sender.Close()
	s.port.Close()
}

// A caller is a receiver that subscribes.
type caller struct {
	*receiver.Receiver
	frames atomic.Uint32
	done   chan struct{}
}

func call(t *testing.T, n *netsim.Network, at netip.AddrPort, c receiver.Config, from ...receiver.Subscription) *caller {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	v := &caller{Receiver: receiver.New(c, listen(t, n, at)), done: make(chan struct{})}
	go func() {
		defer close(v.done)
		for _, err := range v.Frames(context.Background()) {
			if err != nil {
				t.Error(err)
			}
			v.frames.Add(1)
		}
	}()
	for _, s := range from {
		if err := v.Subscribe(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// back returns how long it takes until the next frame comes.
func (v *caller) back(t *testing.T, what string, most time.Duration) {
	t.Helper()
	before, began := v.frames.Load(), time.Now()
	for v.frames.Load() == before {
		if time.Sleep(time.Millisecond); time.Since(began) > most {
			t.Fatalf("%s: no frame within %v: %+v", what, most, v.Subscriptions())
		}
	}
	t.Logf("%s: a frame after %v", what, time.Since(began))
}

func (v *caller) close() {
	v.Close()
	<-v.done
}

// TestSubscription goes through the life of a subscription: it begins, the camera pauses for as long as one that is opened on
// demand, the sender is restarted, the network fails, and in the end the receiver says farewell. A twentieth of all packets is
// lost, some overtake others, and some come twice.
func TestSubscription(t *testing.T) {
	key := protocol.Key{1, 2, 3}
	for name, c := range map[string]struct {
		send sender.Config
		recv receiver.Config
		want string
	}{
		"open":           {sender.Config{Name: "door"}, receiver.Config{}, ""},
		"open, by name":  {sender.Config{Name: "door"}, receiver.Config{}, "door"},
		"sealed":         {sender.Config{Name: "door", Key: key}, receiver.Config{Keys: []protocol.Key{{7}, key}}, ""},
		"sealed by name": {sender.Config{Name: "door", Key: key}, receiver.Config{Keys: []protocol.Key{key}}, "door"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := netsim.Path{Delay: 2 * time.Millisecond, Jitter: 2 * time.Millisecond, Loss: 0.05, Duplicate: 0.02}
				n := netsim.New(1, path)
				camera := open(t, n, a, c.send)
				v := call(t, n, b, c.recv, receiver.Subscription{Addr: a.String(), Name: c.want})
				v.back(t, "at the start", 2*time.Second)

				time.Sleep(time.Second)
				before, sent := v.frames.Load(), camera.sent.Load()
				time.Sleep(20 * time.Second)
				came, expected := v.frames.Load()-before, camera.sent.Load()-sent
				if float64(came) < 0.99*float64(expected) {
					t.Errorf("%d of %d frames came", came, expected)
				}
				if state := v.Subscriptions()[0]; state.State != protocol.Receiving || state.Trouble() != "" {
					t.Errorf("%+v: %s", state, state.Trouble())
				}

				camera.paused.Store(true)
				for range 20 {
					if time.Sleep(time.Second); !camera.sender.Watched() {
						t.Fatal("the subscription has ended, because the camera sends nothing")
					}
				}
				if state := v.Subscriptions()[0]; state.State != protocol.Receiving && state.State != protocol.Subscribed ||
					state.Trouble() != "" {
					t.Errorf("%+v: %s", state, state.Trouble())
				}
				camera.paused.Store(false)
				v.back(t, "after a pause", 300*time.Millisecond)

				camera.close()
				time.Sleep(4 * time.Second)
				if state := v.Subscriptions()[0]; state.State != protocol.Unanswered || state.Trouble() == "" {
					t.Errorf("%+v: %s", state, state.Trouble())
				}
				camera = open(t, n, a, c.send)
				v.back(t, "after a restart", 2*time.Second)

				for _, route := range [][2]netip.AddrPort{{a, b}, {b, a}} {
					n.SetPath(route[0], route[1], netsim.Path{Loss: 1})
				}
				time.Sleep(10 * time.Second)
				if camera.sender.Watched() {
					t.Error("the subscription has not ended, although nobody renews it")
				}
				for _, route := range [][2]netip.AddrPort{{a, b}, {b, a}} {
					n.SetPath(route[0], route[1], netsim.Path{Delay: 2 * time.Millisecond})
				}
				v.back(t, "after the network failed", 2*time.Second)

				time.Sleep(30 * time.Second) // the cookie has died
				v.close()
				time.Sleep(5 * time.Millisecond)
				if camera.sender.Watched() {
					t.Error("the farewell has no effect")
				}
				camera.close()
			})
		})
	}
}

// TestSubscribeToTwo subscribes to two senders, and to one that sends here by itself, on one socket. One of them is given up
// later.
func TestSubscribeToTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
		garden, pusher := netip.MustParseAddrPort("10.0.0.3:12345"), netip.MustParseAddrPort("10.0.0.4:1000")
		one, two := open(t, n, a, sender.Config{Name: "door"}), open(t, n, garden, sender.Config{Name: "garden"})
		v := call(t, n, b, receiver.Config{}, receiver.Subscription{Addr: a.String()}, receiver.Subscription{Addr: "10.0.0.3"})
		three := newSender(t, n, pusher, "yard", b)
		for range 30 {
			time.Sleep(33 * time.Millisecond)
			three.Send(protocol.Frame{Captured: time.Now(), JPEG: picture(5000, 1)})
		}
		if streams := v.Streams(); len(streams) != 3 {
			t.Errorf("%d streams: %+v", len(streams), streams)
		}
		v.Unsubscribe(receiver.Subscription{Addr: "10.0.0.3"})
		time.Sleep(2 * time.Millisecond)
		if two.sender.Watched() || !one.sender.Watched() || len(v.Subscriptions()) != 1 {
			t.Error("the wrong one was given up")
		}
		before := v.frames.Load()
		time.Sleep(time.Second)
		if came := v.frames.Load() - before; came < 29 || came > 31 {
			t.Errorf("%d frames came in a second from the one that is left", came)
		}
		v.close()
		three.Close()
		one.close()
		two.close()
	})
}
