package protocol

import (
	"slices"
	"time"
)

// refusedScripts say what must be refused.
func refusedScripts() []script {
	return slices.Concat(refusedPrefixes(), refusedSegments(), refusedFrames(), refusedOthers(), refusedSealed(),
		refusedFeedback(), refusedSubscriptions())
}

// between makes a script in which datagrams come between two good frames. All are refused for the same reason.
func between(section, name, rule, why string, sealed bool, datagrams func(*scene) [][]byte) script {
	c := newScene(section, name, rule, sealed).open()
	for _, b := range datagrams(c) {
		c.comes(b).refused(why)
	}
	return c.good(sceneLength).script
}

func refusedPrefixes() (all []script) {
	foreign := func(name, rule string, change func(b []byte) []byte) {
		all = append(all, between("udpcam/1", name, rule, "foreign", false, func(c *scene) [][]byte {
			c.next = 2
			d := c.frame(sceneLength, 0)
			c.next = 2
			return [][]byte{change(slices.Clone(d[0]))}
		}))
	}
	foreign("empty datagram", "a datagram has at least 8 bytes", func([]byte) []byte { return nil })
	foreign("seven bytes", "a datagram has at least 8 bytes", func(b []byte) []byte { return b[:7] })
	foreign("magic", "another magic byte is foreign", func(b []byte) []byte { b[1] = 0xcb; return b })
	foreign("classic", "the classic wire is foreign", func([]byte) []byte { return append([]byte{1}, vectorFrame(100)...) })
	foreign("version 0", "another version is foreign", func(b []byte) []byte { b[2] = 0x01; return b })
	foreign("version 2", "another version is foreign", func(b []byte) []byte { b[2] = 0x21; return b })
	foreign("version 7", "another version is foreign", func(b []byte) []byte { b[2] = 0x71; return b })
	for _, typ := range []byte{0, 4, 5, 6, 11, 12, 13, 14, 15} {
		all = append(all, between("udpcam/1", "type "+string("0123456789abcdef"[typ]),
			"a receiver ignores types that are not for it, or not known", "unknown-type", false, func(c *scene) [][]byte {
				d := c.frame(sceneLength, 0)
				c.next = 2
				d[0][2] = 0x10 | typ
				return d[:1]
			}))
	}
	return append(all, between("udpcam/1", "sealed, without a key", "a receiver without keys ignores sealed datagrams",
		"sealed", false, func(*scene) [][]byte {
			o := newScene("", "", "", true)
			o.next = 2
			return append(o.frame(sceneLength, 1), o.announce("door"), o.splitter.Skip(2, 3)[0][0])
		}))
}

// A badSegment is a segment whose header is changed, or whose payload has another size.
type badSegment struct {
	name, rule string
	change     func(h *segmentHeader)
	payload    int // bytes
}

// The frame has 700 bytes in two segments of 384 and 316.
var badSegments = []badSegment{
	{"no payload", "the payload is as long as the header says", func(h *segmentHeader) {}, 0},
	{"short payload", "the payload is as long as the header says", func(h *segmentHeader) {}, 383},
	{"long payload", "the payload is as long as the header says", func(h *segmentHeader) {}, 385},
	{"last segment as long as the stride", "only the last segment is shorter", func(h *segmentHeader) { h.Countdown = 1 }, 384},
	{"last segment too short", "the payload is as long as the header says", func(h *segmentHeader) { h.Countdown = 1 }, 315},
	{"countdown 0", "countdown is 1 to k", func(h *segmentHeader) { h.Countdown = 0 }, 384},
	{"countdown above k", "countdown is 1 to k", func(h *segmentHeader) { h.Countdown = 3 }, 384},
	{"frame length 0", "a frame has at least one byte", func(h *segmentHeader) { h.Length = 0 }, 384},
	{"no blocks", "a frame has at least one block", func(h *segmentHeader) { h.Blocks = 0 }, 384},
	{"block out of range", "block is less than blocks", func(h *segmentHeader) { h.Block = 1 }, 384},
	{"k of 0", "k is at least 1", func(h *segmentHeader) { h.Data = 0 }, 384},
	{"too much parity", "k + p is at most 256", func(h *segmentHeader) { h.Parity = 255 }, 384},
	{"parity row that is not sent", "j of type 2 is less than p", func(h *segmentHeader) { h.Type, h.Countdown = typeParity, 253 }, 384},
	{"parity beyond the last row", "k + j is at most 255", func(h *segmentHeader) { h.Type, h.Countdown = typeParity|typeRepair, 255 }, 384},
	{"parity with countdown 0", "k + j is at most 255", func(h *segmentHeader) { h.Type, h.Countdown = typeParity, 0 }, 384},
	{"parity that is no stride", "parity has a whole stride", func(h *segmentHeader) { h.Type, h.Countdown = typeParity, 254 }, 316},
	{"one segment as two", "a stride below 256 is only for one segment", func(h *segmentHeader) { h.Length = 384 }, 192},
	{"one block too many", "B is ⌈n / 192⌉", func(h *segmentHeader) { h.Blocks, h.Data = 2, 1 }, 384},
	{"k too large", "k is ⌈n / B⌉", func(h *segmentHeader) { h.Length, h.Data, h.Countdown = 1800, 7, 7 }, 320},
	{"k above 192", "a block has at most 192 data segments", func(h *segmentHeader) {
		h.Length, h.Data, h.Countdown = 193*448, 193, 193
	}, 448},
	{"255 blocks of 255", "B is ⌈n / 192⌉", func(h *segmentHeader) {
		h.Length, h.Blocks, h.Data, h.Countdown, h.Parity = MaxFrameSize, 255, 255, 255, 1
	}, 320},
	{"segment of zeros", "segments beyond the end of the frame are not sent", func(h *segmentHeader) {
		h.Length, h.Blocks, h.Data, h.Block, h.Countdown = 193*448, 2, 97, 1, 1
	}, 0},
	{"segment of zeros with a payload", "segments beyond the end of the frame are not sent", func(h *segmentHeader) {
		h.Length, h.Blocks, h.Data, h.Block, h.Countdown = 193*448, 2, 97, 1, 1
	}, 448},
}

func refusedSegments() (all []script) {
	for _, bad := range badSegments {
		all = append(all, between("Segments", bad.name, bad.rule, "malformed", false, func(*scene) [][]byte {
			h := segmentHeader{prefix: prefix{Countdown: 2, Type: typeData, Session: sceneSession}, FrameID: 2, Blocks: 1,
				Length: sceneLength, Data: 2, Parity: 1, Captured: timestamp(epoch), CRC: checksum(vectorFrame(sceneLength))}
			bad.change(&h)
			return [][]byte{append(h.append(nil), make([]byte, bad.payload)...)}
		}))
	}
	return append(all, between("Segments", "header cut short", "a segment has 28 bytes of header", "malformed", false,
		func(c *scene) [][]byte {
			b := c.frame(sceneLength, 0)[0]
			c.next = 2
			return [][]byte{b[:8], b[:12], b[:27], b[:28]}
		}))
}

// refusedFrames are about frames whose datagrams are all well-formed.
func refusedFrames() (all []script) {
	frame := func(section, name, rule string, fill func(c *scene)) {
		c := newScene(section, name, rule, false).open()
		fill(c)
		all = append(all, c.good(sceneLength).script)
	}
	frame("How a receiver assembles", "wrong CRC", "a frame whose CRC is wrong is dropped", func(c *scene) {
		d := c.frame(100, 0)[0]
		d[27] ^= 1
		c.comes(d).dropped("corrupt")
	})
	frame("How a receiver assembles", "changed payload", "a frame whose CRC is wrong is dropped", func(c *scene) {
		d := c.frame(100, 0)[0]
		d[60] ^= 0x80
		c.comes(d).dropped("corrupt")
	})
	for _, cut := range []struct {
		name string
		at   int
	}{{"no SOI", 1}, {"no EOI", 99}} {
		frame("How a receiver assembles", cut.name, "a frame begins with FF D8 and ends with FF D9", func(c *scene) {
			b := vectorFrame(100)
			b[cut.at] = 0
			var o Outgoing
			if err := c.splitter.Split(&o, Frame{ID: c.next, Captured: epoch, JPEG: b}, 0); err != nil {
				panic(err)
			}
			c.next++
			c.comes(flat(o.Data())[0]).dropped("not-jpeg")
		})
	}
	contradict := func(name string, change func(h []byte)) {
		frame("How a receiver assembles", name, "a datagram that contradicts the first one of its frame is ignored",
			func(c *scene) {
				d := c.frame(sceneLength, 1)
				forged := slices.Clone(d[1])
				change(forged)
				c.comes(d[0]).comes(forged).refused("inconsistent").comes(d[1]).shown(c.next-1, sceneLength)
			})
	}
	contradict("another CRC", func(h []byte) { h[24] ^= 1 })
	contradict("another capture time", func(h []byte) { h[23] ^= 1 })
	contradict("another frame length", func(h []byte) { h[24] ^= 2 })
	frame("How a receiver assembles", "duplicate", "a segment that came before is ignored", func(c *scene) {
		d := c.frame(sceneLength, 0)
		c.comes(d[0]).comes(d[0]).refused("duplicate").comes(d[1]).shown(c.next-1, sceneLength)
	})
	frame("How a receiver assembles", "parity of a whole block", "parity is ignored if nothing is missing", func(c *scene) {
		d := c.frame(sceneLength, 1)
		c.comes(d[0]).comes(d[1]).shown(c.next-1, sceneLength).comes(d[2]).refused("spare")
	})
	frame("How a receiver assembles", "frame again", "frames never go backwards", func(c *scene) {
		old := c.frame(100, 0)
		c.comes(old[0]).shown(2, 100).good(sceneLength).comes(old[0]).refused("spare")
	})
	frame("How a receiver assembles", "frame too late", "a whole frame waits for an older one, but not for longer than 150 ms",
		func(c *scene) {
			d, e := c.frame(sceneLength, 0), c.frame(100, 0)
			c.comes(d[0]).comes(e[0]).passes(200*time.Millisecond).shown(c.next-1, 100).
				dropped("superseded").comes(d[1]).refused("late")
		})
	frame("Strangers", "far ahead", "a frame more than 64 ahead is ignored", func(c *scene) {
		c.next += 65
		d := c.frame(100, 0)
		c.next -= 66
		c.comes(d[0]).refused("stray")
	})
	frame("Strangers", "far behind", "a frame that is behind the newest is ignored", func(c *scene) {
		c.next -= 1000
		d := c.frame(100, 0)
		c.next += 999
		c.comes(d[0]).refused("late")
	})
	frame("Strangers", "late frames in order", "three late frames in order change nothing before 250 ms have passed",
		func(c *scene) {
			var late [][]byte
			for range 6 {
				late = append(late, c.frame(100, 0)[0])
			}
			c.comes(c.frame(100, 0)[0]).passes(200*time.Millisecond).dropped("lost").shown(c.next-1, 100)
			for _, d := range late[:3] {
				c.comes(d).refused("late")
			}
		})
	return all
}

// refusedOthers are about announcements and Skips.
func refusedOthers() (all []script) {
	bad := func(section, name, rule, why string, make func(c *scene) [][]byte) {
		all = append(all, between(section, name, rule, why, false, make))
	}
	bad("Announcement", "announcement cut short", "37 bytes come before the name", "malformed", func(c *scene) [][]byte {
		b := c.announce("door")
		return [][]byte{b[:8], b[:20], b[:36]}
	})
	bad("Announcement", "name cut short", "the name is as long as its length says", "malformed", func(c *scene) [][]byte {
		b := c.announce("door")
		long := slices.Clone(b)
		long[36] = 255
		return [][]byte{b[:37], b[:len(b)-1], long}
	})
	bad("Announcement", "nine relays", "a stream has come through 8 relays at most", "malformed", func(c *scene) [][]byte {
		b := append(c.announce("door"), make([]byte, saltSize)...)
		return [][]byte{append(append(b, 9), make([]byte, 36)...)}
	})
	bad("Announcement", "relays cut short", "as many relays follow as their number says", "malformed", func(c *scene) [][]byte {
		b := append(c.announce("door"), make([]byte, saltSize)...)
		return [][]byte{append(append(b, 2), make([]byte, 7)...)}
	})
	bad("Skip", "skip cut short", "a Skip has 16 bytes", "malformed", func(c *scene) [][]byte {
		b := c.splitter.Skip(2, 3)[0][0]
		return [][]byte{b[:8], b[:15]}
	})
	bad("Skip", "skip backwards", "the last frame is not older than the first", "malformed", func(c *scene) [][]byte {
		return [][]byte{c.splitter.Skip(3, 2)[0][0]}
	})
	bad("Skip", "skip of an unknown stream", "a Skip begins no stream", "unannounced", func(*scene) [][]byte {
		o, _ := NewSplitter(7, 0, 0)
		return [][]byte{o.Skip(1, 2)[0][0]}
	})
	c := newScene("Skip", "skip far ahead", "a Skip whose last frame is more than 64 ahead has no effect", false).open()
	c.comes(c.splitter.Skip(2, 66)[0][0]) // 65 ahead of frame 1
	return append(all, c.good(sceneLength).script)
}
