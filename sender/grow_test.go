package sender_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/datagram"
	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// TestSegmentsGrow has a path whose MTU becomes smaller and larger. The system tells it, or nobody does. After it has become
// larger, segments become larger too, and no frame is lost by that.
func TestSegmentsGrow(t *testing.T) {
	for name, c := range map[string]struct {
		silent bool
		key    protocol.Key
	}{"told": {}, "a black hole": {silent: true}, "a black hole, sealed": {silent: true, key: secret}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, path, log := narrow(t, 1500, c.silent, sender.Config{Key: c.key})
				if c.key != (protocol.Key{}) {
					s.watcher.stop()
					s.watcher = watch(listen(t, s.network, viewer), protocol.AssemblerConfig{Keys: []protocol.Key{c.key}})
				}
				s.send(t, 30, 78_200, 30)
				path.mtu.Store(1400)
				s.send(t, 60, 78_200, 30) // to notice
				before, failed := s.watcher.count(), s.sender.Stats().Failed
				s.send(t, 150, 78_200, 30)
				if at := s.at(); at != 1280 && at != 1344 {
					t.Errorf("segments of %d bytes on a path of 1400", at)
				}
				path.mtu.Store(1500)
				s.send(t, 150, 78_200, 30)
				if at := s.at(); at != 1408 {
					t.Errorf("segments of %d bytes on a path of 1500", at)
				}
				s.close()
				if got := s.watcher.count() - before; got < 299 || s.sender.Stats().Failed > failed {
					t.Errorf("%d of 300 frames came, %d failed; logged:\n%s", got, s.sender.Stats().Failed-failed, log)
				}
			})
		})
	}
}

// at is the segment size of the last frame.
func (s *show) at() int { return s.sender.SegmentSize() }

// A routedConn gets messages of routers.
type routedConn struct {
	*netsim.Conn
	mu     sync.Mutex
	quote  []byte // of the last large datagram
	tooBig []datagram.TooBig
	mtu    int // of the path, which drops larger packets
}

func (c *routedConn) Send(to netip.AddrPort, datagrams []protocol.Datagram) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range datagrams {
		if len(d[0])+len(d[1]) > 500 {
			c.quote = append(bytes.Clone(d[0]), d[1]...)[:64]
		}
		if len(d[0])+len(d[1])+ipHeaders <= c.mtu {
			c.Conn.Send(to, []protocol.Datagram{d})
		}
	}
	return nil
}

func (c *routedConn) TooBig() []datagram.TooBig {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.tooBig
	c.tooBig = nil
	return said
}

// say has a router say something.
func (c *routedConn) say(mtu int, quote func(real []byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tooBig = append(c.tooBig, datagram.TooBig{To: viewer, MTU: mtu, Quote: quote(bytes.Clone(c.quote))})
}

// TestRouters has routers say what a path carries, which is true or forged.
func TestRouters(t *testing.T) {
	whole := func(real []byte) []byte { return real }
	for name, c := range map[string]struct {
		mtu, says int
		quote     func(real []byte) []byte
		want      int // segment size after some frames
	}{
		"a true one":             {1400, 1400, whole, 1280},
		"a true one, narrow":     {1280, 1280, whole, 1152},
		"forged":                 {1500, 552, whole, 1408},
		"forged, nothing quoted": {1500, 552, func([]byte) []byte { return nil }, 1408},
		"forged, too small":      {1400, 68, whole, 1152},
		"forged, a guess": {1400, 1280, func(real []byte) []byte { real[11]++; return real },
			1408},
		"forged, cut": {1400, 1280, func(real []byte) []byte { return real[:20] }, 1408},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				n := netsim.New(1, netsim.Path{Delay: ms})
				conn := &routedConn{Conn: listen(t, n, camera), mtu: c.mtu}
				s, err := sender.New(sender.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, sender.Destination{Conn: conn, Addr: viewer})
				if err != nil {
					t.Fatal(err)
				}
				sh := &show{network: n, sender: s, watcher: watch(listen(t, n, viewer), protocol.AssemblerConfig{})}
				for range 10 {
					sh.send(t, 1, 78_200, 30)
					time.Sleep(time.Second / 30)
					conn.say(c.says, c.quote)
				}
				sh.send(t, 1, 78_200, 30)
				if got := sh.at(); got != c.want {
					t.Errorf("segments of %d bytes, want %d; logged:\n%s", got, c.want, log.String())
				}
				sh.send(t, 120, 78_200, 30)
				sh.close()
				if c.mtu == 1500 && (sh.watcher.count() < 131 || strings.Contains(log.String(), "smaller")) {
					t.Errorf("%d of 131 frames; logged:\n%s", sh.watcher.count(), log.String())
				}
			})
		})
	}
}

// TestOneWayGrows has a router say something of a one-way stream, where nothing is ever reported.
func TestOneWayGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{})
		conn := &routedConn{Conn: listen(t, n, camera), mtu: 1500}
		s, err := sender.New(sender.Config{OneWay: true}, sender.Destination{Conn: conn, Addr: viewer})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sh := &show{network: n, sender: s}
		sh.send(t, 1, 78_200, 30)
		conn.say(68, bytes.Clone)
		sh.send(t, 1, 78_200, 30)
		if at := sh.at(); at != 1152 {
			t.Errorf("segments of %d bytes, after a router said so", at)
		}
		sh.send(t, 70, 78_200, 1)
		if at := sh.at(); at != 1408 {
			t.Errorf("segments of %d bytes a minute later", at)
		}
	})
}
