package sender_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// TestLastFrameID sends frames across the end of the frame IDs. Open IDs wrap; sealed ones may not.
func TestLastFrameID(t *testing.T) {
	for name, c := range map[string]struct {
		key  protocol.Key
		keys []protocol.Key
	}{"open": {}, "sealed": {secret, []protocol.Key{secret}}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
				s, err := sender.New(sender.Config{Name: "door", Key: c.key, Log: quiet}, sender.Destination{Conn: listen(t, n, camera), Addr: viewer})
				if err != nil {
					t.Fatal(err)
				}
				w := watch(listen(t, n, viewer), protocol.AssemblerConfig{Keys: c.keys})
				s.SetNextID(math.MaxUint32 - 10)
				for i := range 20 {
					if _, err := s.Send(protocol.Frame{JPEG: picture(30_000, uint64(i)), Captured: time.Now()}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(33 * time.Millisecond)
				}
				time.Sleep(time.Second)
				w.stop()
				s.Close()
				if w.names["door"] != 20 || len(w.names) != 1 {
					t.Errorf("frames by name: %v, want 20 of door", w.names)
				}
			})
		})
	}
}
