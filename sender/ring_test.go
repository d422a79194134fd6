package sender

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"udpcam/protocol"
)

// put adds a frame of some bytes to a ring.
func put(t *testing.T, r *ring, s *protocol.Splitter, id uint32, size int, now time.Time) *protocol.Outgoing {
	o := r.newFrame()
	jpeg := picture(id, size)
	if err := s.Split(o, protocol.Frame{ID: id, JPEG: jpeg}, 1); err != nil {
		t.Fatal(err)
	}
	r.add(o, now)
	clear(jpeg) // which is the caller's again
	return o
}

// picture is the bytes of a frame. They are different for each frame.
func picture(id uint32, size int) []byte {
	b := make([]byte, size)
	n := min(size, 251)
	for i := range n {
		b[i] = byte(id) ^ byte(i)
	}
	for ; n < size; n *= 2 {
		copy(b[n:], b[:n])
	}
	return b
}

// holds reports whether the ring has all bytes of a frame.
func holds(o *protocol.Outgoing, jpeg []byte) bool {
	at := 0
	for _, d := range o.Data() {
		if !bytes.HasPrefix(jpeg[at:], d[1]) {
			return false
		}
		at += len(d[1])
	}
	return at == len(jpeg)
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
			n := uint32(300)
			if testing.Short() && c.size > 1<<20 {
				n = 12
			}
			first := -(n / 2) // IDs wrap on the way
			made := map[*protocol.Outgoing]bool{}
			now := epoch
			for i := range n {
				now = now.Add(c.interval)
				made[put(t, &r, s, first+i, c.size, now)] = true
			}
			last := first + n - 1
			for i := range n {
				o := r.find(last-i, now)
				if found := o != nil; found != (int(i) < c.want) || found && o.FrameID() != last-i {
					t.Fatalf("frame %d before the last was found: %v; want the last %d", i, found, c.want)
				}
			}
			if r.find(last+1, now) != nil {
				t.Error("a frame that was never put in was found")
			}
			if len(r.memory) > ringBytes || len(made) > c.want+1 {
				t.Errorf("the memory has %d bytes, %d frames were made", len(r.memory), len(made))
			}
			if r.find(last, now.Add(ringTime+1)) != nil || r.count != 0 {
				t.Errorf("after its time %d frames are left", r.count)
			}
		})
	}
}

// TestRingKeepsCopies adds frames of many sizes at many intervals. The memory of each is used again at once. All frames that
// are still in the ring must be unchanged.
func TestRingKeepsCopies(t *testing.T) {
	s, err := protocol.NewSplitter(1, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, largest := range []int{100_000, 1 << 20, 9 << 20} {
		if testing.Short() && largest > 1<<20 {
			continue
		}
		var r ring
		var sizes []int
		now := epoch
		for id := range uint32(100) {
			now = now.Add(time.Duration(random.IntN(int(ringTime / 8))))
			sizes = append(sizes, 1+random.IntN(largest))
			put(t, &r, s, id, sizes[id], now)
			if len(r.memory) > ringBytes {
				t.Fatalf("the memory has %d bytes", len(r.memory))
			}
			checked := []uint32{r.first, r.first + random.Uint32N(uint32(r.count)), id}
			for _, id := range checked {
				if o := r.find(id, now); o == nil || !holds(o, picture(id, sizes[id])) {
					t.Fatalf("frame %d of %d bytes has changed", id, sizes[id])
				}
			}
		}
	}
}

// TestRingStartsAnew adds a frame whose ID does not follow the last one.
func TestRingStartsAnew(t *testing.T) {
	s, _ := protocol.NewSplitter(1, 0, 0)
	var r ring
	put(t, &r, s, 1, 1000, epoch)
	put(t, &r, s, 7, 1000, epoch)
	if r.find(1, epoch) != nil || r.find(7, epoch) == nil || r.count != 1 {
		t.Errorf("%d frames kept", r.count)
	}
}
