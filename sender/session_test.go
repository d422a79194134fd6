package sender

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
)

// TestLastFrameID sends frames across the end of the frame IDs. Open IDs wrap; sealed ones may not.
func TestLastFrameID(t *testing.T) {
	for name, key := range map[string]protocol.Key{"open": {}, "sealed": {1, 2, 3}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				camera, viewer := netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:12345")
				n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
				from, err := n.Listen(camera)
				if err != nil {
					t.Fatal(err)
				}
				to, err := n.Listen(viewer)
				if err != nil {
					t.Fatal(err)
				}
				s, err := New(Config{Name: "door", Key: key}, Destination{Conn: from, Addr: viewer})
				if err != nil {
					t.Fatal(err)
				}
				c := receiver.Config{}
				if name == "sealed" {
					c.Keys = []protocol.Key{key}
				}
				r := receiver.New(c, to)
				names := make(chan map[string]int)
				go func() {
					all := map[string]int{}
					for f := range r.Frames(context.Background()) {
						all[f.Stream]++
					}
					names <- all
				}()
				s.nextID = lastID - 10
				for i := range uint32(20) {
					jpeg := picture(i, 30_000)
					copy(jpeg, "\xff\xd8\xff")
					copy(jpeg[len(jpeg)-2:], "\xff\xd9")
					if _, err := s.Send(protocol.Frame{JPEG: jpeg, Captured: time.Now()}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(33 * time.Millisecond)
				}
				time.Sleep(time.Second)
				s.Close()
				r.Close()
				if all := <-names; all["door"] != 20 {
					t.Errorf("frames by name: %v, want 20 of door", all)
				}
			})
		})
	}
}
