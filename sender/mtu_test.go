package sender_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// A narrowConn sends over a path with an MTU. It refuses larger datagrams as a system does. If it is silent, it drops them.
type narrowConn struct {
	*netsim.Conn
	mtu    atomic.Int64
	silent bool
	lost   int
}

func (c *narrowConn) Send(to netip.AddrPort, datagrams [][2][]byte) error {
	for _, d := range datagrams {
		switch large := int64(len(d[0])+len(d[1])+ipHeaders) > c.mtu.Load(); {
		case large && !c.silent:
			c.lost++
			return syscall.EMSGSIZE
		case large:
			c.lost++
		default:
			if err := c.Conn.Send(to, [][2][]byte{d}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *narrowConn) PathMTU(netip.AddrPort) int {
	if c.silent {
		return 1500
	}
	return int(c.mtu.Load())
}

// narrow returns a show over such a path, and the log of its sender.
func narrow(t *testing.T, mtu int64, silent bool, config sender.Config) (*show, *narrowConn, *bytes.Buffer) {
	n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
	c := &narrowConn{Conn: listen(t, n, camera), silent: silent}
	c.mtu.Store(mtu)
	var log bytes.Buffer
	config.Log = slog.New(slog.NewTextHandler(&log, nil))
	s, err := sender.New(config, sender.Destination{Conn: c, Addr: viewer})
	if err != nil {
		t.Fatal(err)
	}
	return &show{network: n, sender: s, watcher: watch(listen(t, n, viewer), protocol.AssemblerConfig{})}, c, &log
}

// TestMTU has a path that tells its MTU, at first and when it becomes smaller.
func TestMTU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c, log := narrow(t, 1420, false, sender.Config{})
		s.send(t, 30, 78_200, 30)
		if c.lost > 0 || strings.Count(log.String(), "\n") != 1 { // that a receiver answers
			t.Errorf("%d datagrams refused of a path whose MTU was known, logged:\n%s", c.lost, log)
		}
		log.Reset()
		c.mtu.Store(1280)
		s.send(t, 30, 78_200, 30)
		c.mtu.Store(400) // no segment is as small as that
		s.send(t, 30, 78_200, 30)
		s.close()
		if r := s.result(); r.delivered != 59 || r.Failed != 31 {
			t.Errorf("%d frames delivered, %d failed, want 59 and 31: %v", r.delivered, r.Failed, r)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "segment=1280 now=1152") || !strings.Contains(lines[1], "now=448") ||
			!strings.Contains(lines[2], "cannot send") {
			t.Errorf("logged:\n%s", log)
		}
	})
}

// TestBlackHole has a path that silently drops large datagrams, and counts the frames until the sender notices. How much of
// these frames arrives depends on the size of their last segments.
func TestBlackHole(t *testing.T) {
	for _, c := range []struct {
		name   string
		mtu    int64
		size   int // of frames
		fps    float64
		before int // frames lost until all arrive, at most
		lines  int
	}{
		{"a tunnel", 1400, 78_200, 30, 30, 1},
		{"a tunnel, last segments are short", 1400, 55*1408 + 100, 30, 30, 1},
		{"a tunnel, last segments are large", 1400, 55*1408 + 1400, 30, 45, 1},
		{"a tunnel, small frames", 1400, 1408, 30, 45, 1},
		{"a tunnel, few frames", 1400, 78_200, 5, 10, 1},
		{"the narrowest", 576, 78_200, 30, 125, 2},
		{"none", 1500, 78_200, 30, 0, 0},
		{"none, few frames", 1500, 78_200, 5, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, path, log := narrow(t, c.mtu, true, sender.Config{})
				s.send(t, 200, c.size, c.fps)
				s.close()
				r := s.result()
				t.Logf("%v; lost %d\n%s", r, path.lost, log)
				if r.delivered+c.before < 200 || strings.Count(log.String(), "smaller datagrams") != c.lines {
					t.Errorf("%d frames delivered, want at least %d; logged:\n%s", r.delivered, 200-c.before, log)
				}
			})
		})
	}
}

// TestNoBlackHole loses frames for other reasons.
func TestNoBlackHole(t *testing.T) {
	for name, p := range map[string]netsim.Path{
		"loss":       {Delay: time.Millisecond, Loss: 0.6},
		"all loss":   {Delay: time.Millisecond, Loss: 1},
		"a slow one": {Delay: time.Millisecond, Rate: 5e6, Queue: 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, log := narrow(t, 1500, false, sender.Config{})
				for range 3 {
					s.send(t, 60, 78_200, 30)
					s.network.SetPath(camera, viewer, p)
				}
				s.close()
				if strings.Contains(log.String(), "smaller datagrams") {
					t.Errorf("%v logged:\n%s", s.result(), log)
				}
			})
		})
	}
}

// TestTold checks that a segment size that the user has set does not change.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c, log := narrow(t, 1280, false, sender.Config{SegmentSize: 1408})
		s.send(t, 30, 78_200, 30)
		s.close()
		if c.lost < 60 || strings.Count(log.String(), "\n") != 2 || !strings.Contains(log.String(), "--segment") {
			t.Errorf("%d datagrams refused, logged:\n%s", c.lost, log)
		}
	})
}
