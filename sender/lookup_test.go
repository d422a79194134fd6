package sender_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// A directory knows the addresses of every name.
type directory struct {
	addrs   atomic.Pointer[[]netip.Addr]
	takes   time.Duration // to look one up
	lookups atomic.Int64
}

func (d *directory) say(addrs ...string) {
	var all []netip.Addr
	for _, a := range addrs {
		all = append(all, netip.MustParseAddr(a))
	}
	d.addrs.Store(&all)
}

func (d *directory) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	d.lookups.Add(1)
	select {
	case <-time.After(d.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if all := *d.addrs.Load(); len(all) > 0 {
		return all, nil
	}
	return nil, errors.New("no such name")
}

// named returns a show whose receiver has a name, and the log of its sender.
func named(t *testing.T, d *directory, c sender.Config) (*show, *bytes.Buffer) {
	n := netsim.New(1, netsim.Path{Delay: ms})
	var log bytes.Buffer
	c.Log, c.Resolver = slog.New(slog.NewTextHandler(&log, nil)), d
	s, err := sender.New(c, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(50_000)
	s.Follow(0, "pc.local:12345", func(_ context.Context, to netip.Addr) (protocol.Conn, error) {
		port++
		from := camera.Addr()
		if to.Is6() {
			from = netip.MustParseAddr("fd00::1")
		}
		return n.Listen(netip.AddrPortFrom(from, port))
	})
	return &show{network: n, sender: s, watcher: watch(listen(t, n, viewer), protocol.AssemblerConfig{})}, &log
}

// TestReceiverMoves gives the receiver's name another address while the stream runs. Frames arrive there within two seconds,
// and one line is logged. Sending never waits for a lookup.
func TestReceiverMoves(t *testing.T) {
	for _, c := range []struct {
		name   string
		to     string
		takes  time.Duration
		oneWay bool
		within time.Duration
	}{
		{"IPv4", "10.0.0.9", 0, false, 2 * time.Second},
		{"IPv6", "fd00::9", 0, false, 2 * time.Second},
		{"slow lookups", "10.0.0.9", 3 * time.Second, false, 5 * time.Second},
		{"one-way", "10.0.0.9", 0, true, 2200 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &directory{takes: c.takes}
				d.say("10.0.0.2")
				s, log := named(t, d, sender.Config{OneWay: c.oneWay})
				s.send(t, 100, 30_000, 30)
				if n := d.lookups.Load(); n > 0 && !c.oneWay {
					t.Errorf("%d lookups while a receiver answered", n)
				}
				s.watcher.stop()
				d.say(c.to)
				moved := netip.AddrPortFrom(netip.MustParseAddr(c.to), viewer.Port())
				s.watcher = watch(listen(t, s.network, moved), protocol.AssemblerConfig{OneWay: c.oneWay})
				began := time.Now()
				s.send(t, int(30*c.within.Seconds()), 30_000, 30)
				if took := time.Since(began); took > c.within {
					t.Errorf("sending waited: %v", took)
				}
				if s.watcher.count() == 0 {
					t.Errorf("no frame came within %v", c.within)
				}
				s.send(t, 60, 30_000, 30)
				if got := s.sender.Destinations()[0]; got.Addr != moved || !c.oneWay && got.State != sender.Answering {
					t.Errorf("%+v", got)
				}
				s.close()
				if strings.Count(log.String(), "has another address") != 1 {
					t.Errorf("logged:\n%s", log)
				}
			})
		})
	}
}

// TestNobodyMoves has a receiver that goes away, and a name that keeps its address, has another first, or is not known any
// more. The sender looks it up about once a second, and goes on as before.
func TestNobodyMoves(t *testing.T) {
	for name, addrs := range map[string][]string{
		"the same": {"10.0.0.2"}, "another first": {"10.0.0.9", "10.0.0.2"}, "unknown": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &directory{}
				d.say("10.0.0.2")
				s, log := named(t, d, sender.Config{})
				s.send(t, 30, 30_000, 30)
				s.watcher.stop()
				d.say(addrs...)
				s.send(t, 300, 30_000, 30)
				if n := d.lookups.Load(); n < 8 || n > 10 {
					t.Errorf("%d lookups in ten seconds", n)
				}
				s.watcher = watch(listen(t, s.network, viewer), protocol.AssemblerConfig{})
				s.send(t, 30, 30_000, 30)
				s.close()
				if s.watcher.count() < 28 || strings.Contains(log.String(), "another address") {
					t.Errorf("%d of 30 frames after the receiver came back, logged:\n%s", s.watcher.count(), log)
				}
			})
		})
	}
}

// TestCloseEndsLookups closes a sender while it looks up a name.
func TestCloseEndsLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{takes: time.Hour}
		d.say("10.0.0.9")
		s, _ := named(t, d, sender.Config{})
		s.watcher.stop()
		s.send(t, 60, 5000, 30)
		began := time.Now()
		s.sender.Close()
		if took := time.Since(began); took > 0 || d.lookups.Load() != 1 {
			t.Errorf("Close took %v, %d lookups", took, d.lookups.Load())
		}
	})
}
