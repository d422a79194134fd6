package sender_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// TestLastFrameID sends frames across the end of the frame IDs. Open IDs wrap; sealed ones may not.
func TestLastFrameID(t *testing.T) {
	for name, key := range map[string]protocol.Key{"open": {}, "sealed": {1, 2, 3}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				camera, viewer := netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:12345")
				n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
				defer n.Close()
				from, err := n.Listen(camera)
				if err != nil {
					t.Fatal(err)
				}
				to, err := n.Listen(viewer)
				if err != nil {
					t.Fatal(err)
				}
				s, err := sender.New(sender.Config{Name: "door", Key: key}, sender.Destination{Conn: from, Addr: viewer})
				if err != nil {
					t.Fatal(err)
				}
				var c protocol.AssemblerConfig
				if name == "sealed" {
					c.Keys = []protocol.Key{key}
				}
				w := watch(to, c)
				s.SetNextID(sender.LastID - 10)
				for i := range uint64(20) {
					if _, err := s.Send(protocol.Frame{JPEG: picture(30_000, i), Captured: time.Now()}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(33 * time.Millisecond)
				}
				time.Sleep(time.Second)
				s.Close()
				w.stop()
				if w.names["door"] != 20 || len(w.names) != 1 {
					t.Errorf("frames by name: %v, want 20 of door", w.names)
				}
			})
		})
	}
}
