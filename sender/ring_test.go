package sender

import (
	"testing"
	"time"

	"udpcam/protocol"
)

// put sends a frame of so many bytes through a ring.
func put(t *testing.T, r *ring, s *protocol.Splitter, id uint32, size int, now time.Time) *protocol.Outgoing {
	o := r.take()
	if err := s.Split(o, protocol.Frame{ID: id, JPEG: make([]byte, size)}, 1); err != nil {
		t.Fatal(err)
	}
	r.add(o, now)
	return o
}

func TestRing(t *testing.T) {
	s, err := protocol.NewSplitter(1, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		size     int
		interval time.Duration
		want     int // frames that are kept
	}{
		{"by count", 1000, time.Millisecond, ringFrames},
		{"by time", 1000, 100 * time.Millisecond, 11},
		{"by bytes", 4 << 20, time.Millisecond, 4},
		{"one large frame", protocol.MaxFrameSize, time.Millisecond, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r ring
			first := uint32(1<<32 - 150) // IDs wrap on the way
			made := map[*protocol.Outgoing]bool{}
			now := epoch
			for i := range uint32(300) {
				now = now.Add(c.interval)
				made[put(t, &r, s, first+i, c.size, now)] = true
			}
			last := first + 299
			for i := range uint32(300) {
				o := r.find(last-i, now)
				if found := o != nil; found != (int(i) < c.want) || found && o.FrameID() != last-i {
					t.Fatalf("frame %d before the last was found: %v; want the last %d", i, found, c.want)
				}
			}
			if r.find(last+1, now) != nil {
				t.Error("a frame that was never put in was found")
			}
			if r.bytes != c.want*c.size || len(made) > c.want+1 {
				t.Errorf("%d bytes are kept, %d frames were made", r.bytes, len(made))
			}
			if r.find(last, now.Add(ringTime+1)) != nil || r.bytes != 0 || r.count != 0 {
				t.Errorf("after its time %d frames of %d bytes are left", r.count, r.bytes)
			}
		})
	}
}

// TestRingStartsAnew has an ID come that does not follow the last.
func TestRingStartsAnew(t *testing.T) {
	s, _ := protocol.NewSplitter(1, 0, 0)
	var r ring
	put(t, &r, s, 1, 1000, epoch)
	put(t, &r, s, 7, 1000, epoch)
	if r.find(1, epoch) != nil || r.find(7, epoch) == nil || r.count != 1 {
		t.Errorf("%d frames kept", r.count)
	}
}
