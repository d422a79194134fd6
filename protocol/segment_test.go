package protocol

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func TestSegmentHeaderRoundTrip(t *testing.T) {
	h := segmentHeader{
		prefix:  prefix{Countdown: 3, Type: typeData, Stream: 7, Session: 0xabcdef, Block: 1},
		FrameID: 0xfffffffe, Blocks: 2, Length: 300_000, Data: 107, Parity: 2,
		Captured: timestamp(epoch), CRC: 0x01020304,
	}
	b := h.append(nil)
	if len(b) != SegmentHeaderSize {
		t.Fatalf("the header has %d bytes, want %d", len(b), SegmentHeaderSize)
	}
	l := layoutOf(300_000, 2, 107)
	start, end := l.span(l.index(1, 3))
	b = append(b, make([]byte, end-start)...)
	p, err := parsePrefix(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseSegment(p, b)
	if err != nil || got.segmentHeader != h || len(got.payload) != end-start {
		t.Errorf("parsed %+v, %d bytes, %v; want %+v", got.segmentHeader, len(got.payload), err, h)
	}
}

func TestParsePrefixRefuses(t *testing.T) {
	good := newCamera(1, "").announce()
	for name, change := range map[string]func([]byte) []byte{
		"empty":           func(b []byte) []byte { return nil },
		"short":           func(b []byte) []byte { return b[:7] },
		"another magic":   func(b []byte) []byte { b[1] = 0xff; return b },
		"another version": func(b []byte) []byte { b[2] = 2<<4 | 3; return b },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parsePrefix(change(bytes.Clone(good))); !errors.Is(err, ErrForeign) {
				t.Errorf("error %v, want ErrForeign", err)
			}
		})
	}
}

func TestParseSegmentRefuses(t *testing.T) {
	_, ds := newCamera(1, "").frame(5000)
	for name, change := range map[string]func([]byte) []byte{
		"cut header":              func(b []byte) []byte { return b[:SegmentHeaderSize-1] },
		"no payload":              func(b []byte) []byte { return b[:SegmentHeaderSize] },
		"cut payload":             func(b []byte) []byte { return b[:len(b)-1] },
		"payload too long":        func(b []byte) []byte { return append(b, 0) },
		"countdown 0":             func(b []byte) []byte { b[0] = 0; return b },
		"countdown above k":       func(b []byte) []byte { b[0] = b[16] + 1; return b },
		"k of 0":                  func(b []byte) []byte { b[16] = 0; return b },
		"no blocks":               func(b []byte) []byte { b[12] = 0; return b },
		"block beyond the last":   func(b []byte) []byte { b[7] = 1; return b },
		"length 0":                func(b []byte) []byte { b[13], b[14], b[15] = 0, 0, 0; return b },
		"length of another frame": func(b []byte) []byte { b[13] = 0xff; return b },
	} {
		t.Run(name, func(t *testing.T) {
			b := change(bytes.Clone(ds[0]))
			p, err := parsePrefix(b)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseSegment(p, b); !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
		})
	}
}

// TestParseParity reads parity segments of five data segments, two of which follow the data. Impossible rows are refused.
func TestParseParity(t *testing.T) {
	const k, rows = 5, 256 - 5
	l := layoutOf(5000, 1, k)
	for _, c := range []struct {
		name              string
		as                datagramType
		countdown, parity uint8
		row               int // -1 if it is malformed
	}{
		{"the first", typeParity, rows, 2, 0},
		{"the last that follows the data", typeParity, rows - 1, 2, 1},
		{"one beyond those that follow the data", typeParity, rows - 2, 2, -1},
		{"the first of an answer", typeParity | typeRepair, rows - 2, 2, 2},
		{"the last there is", typeParity | typeRepair, 1, 2, rows - 1},
		{"the last there is, and all follow the data", typeParity, 1, rows, rows - 1},
		{"an answer where none follows the data", typeParity | typeRepair, rows, 0, 0},
		{"one where none follows the data", typeParity, rows, 0, -1},
		{"countdown 0", typeParity | typeRepair, 0, 2, -1},
		{"countdown above the rows", typeParity, rows + 1, 2, -1},
		{"more than the code has", typeParity, rows, rows + 1, -1},
		{"data with more parity than the code has", typeData, 1, rows + 1, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := segmentHeader{prefix: prefix{Countdown: c.countdown, Type: c.as}, Blocks: 1, Length: 5000, Data: k, Parity: c.parity}
			size := l.stride
			if c.as == typeData {
				size = 5000 - 4*l.stride
			}
			s, err := parseSegment(h.prefix, append(h.append(nil), make([]byte, size)...))
			if c.row < 0 && !errors.Is(err, ErrMalformed) {
				t.Errorf("row %d, error %v, want ErrMalformed", s.index, err)
			}
			if c.row >= 0 && (err != nil || s.index != c.row || !s.parity) {
				t.Errorf("row %d, error %v, want row %d", s.index, err, c.row)
			}
		})
	}
}

// TestLayout cuts frames of many lengths and checks what protocol/README.md says of the pieces.
func TestLayout(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lengths := []int{1, 63, 64, 65, 1407, 1408, 1409, 2816, 78_000, 200 * 1408, 200*1408 + 1, 401 * 1408, MaxFrameSize}
	for range 3000 {
		lengths = append(lengths, 1+r.IntN(1<<r.IntN(24)))
	}
	for _, size := range []int{MinSegmentSize, DefaultSegmentSize, 8896, MaxSegmentSize} {
		for _, length := range lengths {
			l, err := newLayout(length, size)
			if err != nil {
				t.Fatalf("%d bytes in segments of %d: %v", length, size, err)
			}
			if l != layoutOf(length, l.blocks, l.data) {
				t.Fatalf("%d bytes in segments of %d: a receiver derives another layout", length, size)
			}
			if l.stride%Unit != 0 || l.stride > size || l.data > maxBlockData || l.blocks > maxBlocks {
				t.Fatalf("%d bytes in segments of %d: %+v", length, size, l)
			}
			if l.segments() != ceilDiv(length, l.stride) || l.segments() > ceilDiv(length, size)+l.blocks {
				t.Fatalf("%d bytes in segments of %d: %d segments", length, size, l.segments())
			}
			at := 0
			for i := range l.segments() {
				start, end := l.span(i)
				if start != at || end <= start {
					t.Fatalf("%d bytes in segments of %d: segment %d is %d to %d", length, size, i, start, end)
				}
				at = end
				block, countdown := l.name(i)
				if block >= l.blocks || countdown < 1 || countdown > l.data || l.index(block, countdown) != i {
					t.Fatalf("%d bytes in segments of %d: segment %d is called %d, %d", length, size, i, block, countdown)
				}
			}
			if at != length {
				t.Fatalf("%d bytes in segments of %d: %d bytes covered", length, size, at)
			}
		}
	}
	for _, length := range []int{0, -1, MaxFrameSize + 1} {
		if _, err := newLayout(length, DefaultSegmentSize); !errors.Is(err, ErrFrameSize) {
			t.Errorf("a frame of %d bytes: error %v, want ErrFrameSize", length, err)
		}
	}
}

func TestDefaultSegmentFitsEthernet(t *testing.T) {
	const ipv6, udp, mtu = 40, 8, 1500
	if n := ipv6 + udp + SegmentHeaderSize + TagSize + DefaultSegmentSize; n > mtu || n+Unit <= mtu {
		t.Errorf("a default segment makes a packet of %d bytes, want the most multiples of %d within %d", n, Unit, mtu)
	}
}

func TestSegmentSizeFor(t *testing.T) {
	for mtu, want := range map[int]int{
		1500: DefaultSegmentSize, 1499: 1344, 1420: 1280, 1280: 1152, 576: MinSegmentSize, 68: MinSegmentSize, 9000: DefaultSegmentSize,
	} {
		if got := SegmentSizeFor(mtu); got != want {
			t.Errorf("segments for an MTU of %d have %d bytes, want %d", mtu, got, want)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for _, captured := range []time.Time{epoch, epoch.Add(-4 * 365 * 24 * time.Hour), epoch.Add(4 * 365 * 24 * time.Hour), epoch.Add(time.Microsecond)} {
		if got := timeNear(timestamp(captured), epoch); !got.Equal(captured) {
			t.Errorf("%v came back as %v", captured, got)
		}
	}
	wrap := time.UnixMicro(1 << 48)
	if got := timeNear(timestamp(wrap.Add(-time.Second)), wrap.Add(time.Second)); !got.Equal(wrap.Add(-time.Second)) {
		t.Errorf("across the wrap of 2⁴⁸: %v", got)
	}
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b  uint32
		newer bool
	}{{1, 0, true}, {0, 1, false}, {5, 5, false}, {0, 0xffffffff, true}, {0xffffffff, 0, false}, {1 << 31, 1, true}} {
		if Newer(c.a, c.b) != c.newer {
			t.Errorf("Newer(%d, %d) = %v", c.a, c.b, !c.newer)
		}
	}
}

func TestCleanName(t *testing.T) {
	for in, out := range map[string]string{
		"":                   "",
		" door ":             "door",
		"a\x00b\nc\x1b[31md": "abc[31md",
		"caméra é":           "caméra é",
		"bad\xffutf8":        "badutf8",
		"\u202egnp.exe":      "gnp.exe",
	} {
		if got := CleanName(in); got != out {
			t.Errorf("CleanName(%q) = %q, want %q", in, got, out)
		}
	}
	long := CleanName("éééééééééééééééééééééééééééééééééééééééé")
	if len(long) > MaxStreamName || long == "" {
		t.Errorf("a long name has %d bytes", len(long))
	}
}

func TestAnnouncement(t *testing.T) {
	a := Announcement{Name: "front door", MilliFPS: 29970}
	a.Size.X, a.Size.Y = 1280, 720
	c := clockEcho{Sent: 1, Echo: 2, Held: 3}
	b := a.append(nil, 0x123456, 9, c, nil)
	p, err := parsePrefix(b)
	if err != nil || p.Session != 0x123456 || p.Stream != 9 || p.Type != typeAnnouncement {
		t.Fatalf("prefix %+v, %v", p, err)
	}
	if got, clock, err := parseAnnouncement(append(append(b, make([]byte, saltSize+1)...), "what a later version adds"...)); err != nil || got != a || clock != c {
		t.Errorf("parsed %+v, %v; want %+v", got, err, a)
	}
	for n := range b {
		if _, _, err := parseAnnouncement(b[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: error %v, want ErrMalformed", n, err)
		}
	}
}
