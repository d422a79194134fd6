package conform

import (
	"bytes"
	"net/netip"
	"slices"
	"time"
)

var recvRefuseRules = []Rule{
	{"refuse-foreign", Receiver, "udpcam/1", "what has another magic byte or version is ignored", true, true, false,
		refuses(func(_ *camera, b []byte) [][]byte {
			return [][]byte{{}, b[:1], b[:7], set(b, 1, 0xcb), set(b, 2, 0x01), set(b, 2, 0x21), set(b, 2, 0x71), classic()}
		})},
	{"refuse-types", Receiver, "udpcam/1", "types that are not for receivers, or not known, are ignored", true, true, false,
		refuses(func(_ *camera, b []byte) (all [][]byte) {
			for _, typ := range []byte{0, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
				all = append(all, set(b, 2, b[2]&0xf0|typ))
			}
			return all
		})},
	{"refuse-fields", Receiver, "Segments", "segments with fields out of their range are ignored", true, true, false,
		refuses(func(_ *camera, b []byte) [][]byte {
			return [][]byte{b[:8], b[:27], b[:28], set(b, 0, 0), set(b, 0, 200), set(b, 7, 1), set(b, 12, 0), set(b, 13, 0, 0, 0),
				set(b, 16, 0), set(b, 17, 255), set(b, 2, b[2]&0xf0|2, b[3]), set(set(b, 2, b[2]&0xf0|2), 0, 0),
				set(set(b, 2, b[2]&0xf0|10), 0, 255)}
		})},
	{"refuse-layouts", Receiver, "Segments", "segments of layouts that no sender makes are ignored",
		false, true, false, refuses(badLayouts)},
	{"refuse-lengths", Receiver, "Segments", "segments whose payload is not as long as the header says are ignored",
		true, true, false,
		refuses(func(_ *camera, b []byte) [][]byte {
			return [][]byte{b[:len(b)-1], append(slices.Clone(b), 0), b[:len(b)-64], append(slices.Clone(b), make([]byte, 64)...)}
		})},
	{"refuse-contradictions", Receiver, "How a receiver assembles",
		"a segment that contradicts the first one of its frame is ignored",
		false, true, false, recvContradictions},
	{"refuse-crc", Receiver, "How a receiver assembles", "a frame whose CRC is wrong is not shown",
		false, true, false, recvCRC},
	{"refuse-no-jpeg", Receiver, "How a receiver assembles",
		"a frame is shown only if it begins with FF D8 and ends with FF D9",
		true, true, false, recvNoJPEG},
	{"refuse-announcements", Receiver, "Announcement", "malformed announcements and Skips are ignored",
		true, true, false, recvBadAnnouncements},
	{"refuse-far-ids", Receiver, "Strangers", "a frame far from the newest changes nothing", false, true, false, recvFarIDs},
	{"refuse-old-frames", Receiver, "How a receiver assembles", "frames that were handed on or dropped do not come back",
		true, true, false, recvOldFrames},
	{"memory", Receiver, "Limits", "a sender that claims large frames gets no memory for them", false, true, false, recvMemory},
}

// set returns a copy of b with other values from byte at on.
func set(b []byte, at int, values ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], values)
	return b
}

// classic is the first datagram of a frame of the classic wire, which came before udpcam/1.
func classic() []byte { return append([]byte{1}, picture(7, 3000)[:1000]...) }

// refuses makes a test that sends bad datagrams before each good frame, and expects that these are shown and nothing else.
// bad gets the first datagram of the good frame that follows, with another payload.
func refuses(bad func(c *camera, b []byte) [][]byte) func(*trial) {
	return func(t *trial) {
		c := t.receiver()
		var good []*frame
		for i := range 20 { // bad ones are sent one by one too, so that it is clear which one spoiled a frame
			f := c.frame(picture(1000+i, 20_000), 1)
			poison := f.segments[0] // whoever takes it has a frame whose CRC is wrong
			poison.payload = make([]byte, len(poison.payload))
			all := bad(c, c.datagram(poison))
			if i > 0 {
				all = all[(i-1)%len(all):][:1]
			}
			for _, b := range all {
				c.write(b)
			}
			c.send(f.segments...)
			good = append(good, f)
			if t.place(f, showWait) < 0 {
				t.broken("frames go on beside datagrams that are to be refused", "frame %d is not shown after %d bytes: %x…", f.id,
					len(all[len(all)-1]), all[len(all)-1][:min(40, len(all[len(all)-1]))])
			}
		}
		t.inOrder("nothing but the good frames is shown", good...)
		c.checkStrange()
	}
}

// badLayouts are well-formed but for the numbers of blocks and segments. The payload is as long as they say.
func badLayouts(c *camera, b []byte) (all [][]byte) {
	s := must(parseSegment(b))
	for _, l := range []struct{ length, blocks, k int }{{2000, 2, 1}, {700, 1, 5}, {1800, 1, 7}, {193 * 448, 1, 193},
		{20_000, 15, 1}, {20_000, 8, 2}, {1<<24 - 1, 255, 255}, {1<<24 - 1, 1, 192}, {100, 1, 2}, {384, 1, 2}} {
		s.length, s.blocks, s.k, s.countdown, s.block = l.length, l.blocks, l.k, byte(l.k), 0
		stride := ceil(ceil(l.length, l.blocks*l.k), 64) * 64
		if n := ceil(l.length, stride); l.blocks == ceil(n, 192) && l.k == ceil(n, l.blocks) && (n == 1 || stride >= 256) {
			continue // a sender could make it
		}
		all = append(all, append(s.header(), make([]byte, min(stride, l.length, 65_000))...))
	}
	return all
}

func recvContradictions(t *trial) {
	c := t.receiver()
	var good []*frame
	for i, change := range []func(s *segment){func(s *segment) { s.crc++ }, func(s *segment) { s.captured++ },
		func(s *segment) { s.length = 19_999 }} {
		f := c.frame(picture(1000+i, 20_000), 0)
		forged := f.segments[3]
		change(&forged)
		forged.payload = make([]byte, len(forged.payload))
		c.send(f.segments[:3]...)
		c.send(forged)
		c.send(f.segments[3:]...)
		t.shows(f, showWait, "the frame that the first segments describe is shown")
		good = append(good, f)
	}
	t.inOrder("the frames that the first segments describe are shown", good...)
}

func recvCRC(t *trial) {
	c := t.receiver()
	f := c.frame(picture(1000, 20_000), 1)
	f.segments[3].payload = slices.Clone(f.segments[3].payload)
	f.segments[3].payload[100] ^= 1
	c.send(f.segments...)
	g := c.whole(picture(1001, 3000), 0)
	t.shows(g, showWait, "frames go on after one whose CRC is wrong")
	for _, s := range t.program.shown() {
		if len(s.jpeg) == len(f.jpeg) {
			t.broken("a frame whose CRC is wrong is dropped", "it is shown")
		}
	}
}

func recvNoJPEG(t *trial) {
	c := t.receiver()
	for i, at := range []int{0, 1, -2, -1} {
		jpeg := picture(1000+i, 5000)
		if at < 0 {
			at += len(jpeg)
		}
		jpeg[at] = 0
		c.whole(jpeg, 0)
		g := c.whole(picture(1100+i, 3000), 0)
		t.shows(g, showWait, "frames go on after one that is no JPEG")
	}
	for _, s := range t.program.shown() {
		if len(s.jpeg) != 3000 {
			t.broken("what is no JPEG is dropped", "%d bytes are shown, of a picture of 3000 and one of 5000 that is spoiled",
				len(s.jpeg))
		}
	}
}

func recvBadAnnouncements(t *trial) {
	c := t.receiver()
	a := announced{name: "door"}
	var bad [][]byte
	body := a.bytes()
	for _, n := range []int{0, 12, 28, len(body) - 1} {
		bad = append(bad, body[:n])
	}
	bad = append(bad, set(body, 28, 255),
		append(slices.Clone(body), append(make([]byte, 16), append([]byte{9}, make([]byte, 40)...)...)...),
		append(slices.Clone(body), append(make([]byte, 16), 2, 0, 0, 0, 1)...))
	var good []*frame
	for i, b := range bad {
		c.write(c.control(announcement, b))
		for _, n := range []int{0, 4, 7} {
			c.write(c.control(skip, make([]byte, n)))
		}
		c.skip(c.next+2, c.next+1)
		f := c.whole(picture(1000+i, 3000), 0)
		t.shows(f, showWait, "frames go on after malformed announcements and Skips")
		good = append(good, f)
	}
	c.skip(c.next+100, c.next+1000) // far ahead: no effect
	f := c.whole(picture(1100, 3000), 0)
	t.shows(f, showWait, "a Skip far ahead has no effect")
	t.inOrder("frames go on after malformed announcements and Skips", append(good, f)...)
}

func recvFarIDs(t *trial) {
	c := t.receiver()
	var good []*frame
	for i := range 20 {
		far := []uint32{1000, 1 << 31, ^uint32(500), 70}[i%4]
		c.jump(far)
		c.whole(picture(2000+i, 4000), 0)
		c.jump(-far - 1)
		f := c.whole(picture(1000+i, 3000), 0)
		t.shows(f, showWait, "frames go on after one with an ID that is far from theirs")
		good = append(good, f)
		time.Sleep(20 * time.Millisecond)
	}
	t.inOrder("frames with IDs that are far from the others are not shown", good...)
}

func recvOldFrames(t *trial) {
	c := t.receiver()
	var good []*frame
	for i := range 10 {
		f := c.whole(picture(1000+i, 5000), 0)
		t.shows(f, showWait, "frames are shown")
		good = append(good, f)
		for _, old := range good {
			c.send(old.segments...)
		}
	}
	time.Sleep(300 * time.Millisecond)
	t.inOrder("no frame is shown twice", good...)
}

func recvMemory(t *trial) {
	c := t.receiver()
	before := t.program.Memory()
	if before == 0 {
		return // this system does not tell
	}
	l := layoutOf(1<<24-1, 1408)
	jpeg := make([]byte, l.stride)
	for i := range 20 {
		d := t.newCamera(netip.AddrPortFrom(c.to.Addr(), c.to.Port()))
		for id := range uint32(60) {
			s := segment{prefix: prefix{typ: data, session: d.session, countdown: byte(l.k)},
				frame: id + uint32(i)*1000, blocks: l.blocks, k: l.k, length: l.length, captured: stamp(time.Now()), payload: jpeg}
			d.send(s)
		}
	}
	f := c.whole(picture(1000, 3000), 0)
	t.shows(f, showWait, "frames go on beside a flood of frames of 16 MB")
	if grown := t.program.Memory() - before; grown > 150<<20 {
		t.broken("unfinished frames have 64 MiB at most, those of new streams 17 MiB",
			"%d MiB more memory after 1200 datagrams of 1.4 kB", grown>>20)
	}
}
